"""Process: what turns a stage into a running process: start-up, loops, signals, leases."""
