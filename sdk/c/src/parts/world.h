/* The generated bindings of the world that is compiled for, under names that do not depend on it. */
#ifndef ASSAY_WORLD_H
#define ASSAY_WORLD_H

#if defined(ASSAY_WORLD_preprocessor)
#include "../../gen/preprocessor.h"
#define WIT_WORLD(name) preprocessor_##name
#define WIT_EXPORT(name) exports_assay_plugin_preprocess_##name
#elif defined(ASSAY_WORLD_detector)
#include "../../gen/detector.h"
#define WIT_WORLD(name) detector_##name
#define WIT_EXPORT(name) exports_assay_plugin_detect_##name
#elif defined(ASSAY_WORLD_monitor)
#include "../../gen/monitor.h"
#define WIT_WORLD(name) monitor_##name
#define WIT_EXPORT(name) exports_assay_plugin_observe_##name
#else
#error "say which world the plugin is for: -DASSAY_WORLD_preprocessor, -DASSAY_WORLD_detector or -DASSAY_WORLD_monitor"
#endif

typedef WIT_WORLD(string_t) wit_string_t;
typedef WIT_WORLD(list_u8_t) wit_bytes_t;
typedef WIT_EXPORT(list_attribute_t) wit_attributes_t;
typedef WIT_EXPORT(list_tuple2_string_own_tensor_t) wit_tensors_t;
typedef WIT_EXPORT(tuple2_string_own_tensor_t) wit_named_tensor_t;
typedef assay_plugin_types_attribute_t wit_attribute_t;
#if !defined(ASSAY_WORLD_preprocessor)
typedef assay_plugin_types_finding_t wit_finding_t;
#endif
typedef assay_plugin_types_frame_info_t wit_frame_t;
typedef assay_plugin_types_plugin_error_t wit_error_t;

#endif
