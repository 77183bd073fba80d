"""`hwemu python`: the host's interpreter and standard library as a program on the machine."""
