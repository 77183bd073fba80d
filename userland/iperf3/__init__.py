"""What `iperf3` is made of: `protocol` knows the messages, `stream` moves the data, `report` prints, `roles` run a test."""
