/* Monitor: the mean brightness of the last frames against the mean of the first ones. */
#include <assay.h>

#include <math.h>

static int64_t window = 50;
static double limit = 10.0;

assay_status assay_start(void) {
    ASSAY_TRY(assay_setting_integer("window", 2, 10000, &window));
    return assay_setting_number("limit", 0.1, 255.0, &limit);
}

/* What is remembered: frames and sum of the first window, frames and sum of the one that is filling. */
enum { FIRST_COUNT, FIRST_SUM, COUNT, SUM, NUMBERS };

assay_status assay_observe(const assay_frame *frame, const assay_inspection *inspection,
                           assay_observation *observation) {
    (void)frame;
    double none[NUMBERS] = {0};
    double *memory = none;
    size_t count = 0;
    if (!assay_state_get_numbers("brightness", &memory, &count) || count != NUMBERS) {
        memory = none;
    }
    double brightness = assay_image_statistics(inspection->picture).mean;
    if (memory[FIRST_COUNT] < (double)window) {
        memory[FIRST_COUNT] += 1.0;
        memory[FIRST_SUM] += brightness;
        return assay_state_set_numbers("brightness", memory, NUMBERS);
    }
    memory[COUNT] += 1.0;
    memory[SUM] += brightness;
    if (memory[COUNT] >= (double)window) {
        double moved = fabs(memory[SUM] / memory[COUNT] - memory[FIRST_SUM] / memory[FIRST_COUNT]);
        assay_observation_report(observation, &(assay_report){
                                                  .feature = "brightness",
                                                  .statistic = "mean",
                                                  .value = moved,
                                                  .threshold = limit,
                                                  .drifted = moved >= limit,
                                                  .window = (uint64_t)window,
                                              });
        memory[COUNT] = memory[SUM] = 0.0;
    }
    return assay_state_set_numbers("brightness", memory, NUMBERS);
}
