"""What several network programs share: the kernel's tables in /proc/net, packets as text, capture files and filters."""
