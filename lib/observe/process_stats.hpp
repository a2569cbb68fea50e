// What the system says about this process.
#pragma once

namespace sluice::core {

// Zero where the system does not tell.
struct ProcessStats {
  double cpu_seconds = 0;
  double resident_bytes = 0;
  double virtual_bytes = 0;
  double open_descriptors = 0;
  double max_descriptors = 0;
  double threads = 0;
  double start_time_seconds = 0;  // since the epoch
};

ProcessStats read_process_stats();

}  // namespace sluice::core
