"""Programs in machine code: how they are executed, and how their calls, structures and signals map on the kernel's own."""
