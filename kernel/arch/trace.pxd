from hwemu.trace cimport Trace
