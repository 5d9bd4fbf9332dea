"""What people do with the system, one module for each area; commands and scripts are thin over these functions."""
