;; Is no plugin at all.
(component
  (core module (memory 1)))
