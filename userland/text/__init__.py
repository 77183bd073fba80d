"""What programs about text share: `files` reads what a command line names, `regex` and `sed` are POSIX's languages."""
