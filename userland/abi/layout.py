"""Structure layouts that cross the trap: LP64, little-endian, as on x86-64."""

from struct import Struct

# struct sockaddr_in (in.h): family, port (big-endian, so it is packed apart), address, 8 bytes of padding.
SOCKADDR_IN_SIZE = 16
# struct sockaddr_ll (if_packet.h): family, protocol (big-endian bytes), ifindex, hatype, pkttype, halen, addr[8].
SOCKADDR_LL = Struct("<H2siHBB8s")
# struct sockaddr_un: family, path[108].
SOCKADDR_UN_SIZE = 110

IOVEC = Struct("<QQ")
IOV_MAX = 1024
# struct msghdr: name, namelen, iov, iovlen, control, controllen, flags.
MSGHDR = Struct("<QI4xQQQQi4x")
# struct cmsghdr: len, level, type; data follows, each message aligned to 8 bytes.
CMSGHDR = Struct("<Qii")

POLLFD = Struct("<ihh")
# struct epoll_event is packed on x86: events, data.
EPOLL_EVENT = Struct("<IQ")
TIMEVAL = Struct("<qq")
TIMESPEC = Struct("<qq")
# struct itimerval: interval and value, each seconds and microseconds.
ITIMERVAL = Struct("<qqqq")
# struct itimerspec: interval and value.
ITIMERSPEC = Struct("<qqqq")
SIGSET_SIZE = 8
# What pselect6's last argument points to: a sigset_t's address and size.
SIGSET_ARGPACK = Struct("<QQ")

# struct stat: dev, ino, nlink, mode, uid, gid, rdev, size, blksize, blocks, atime, mtime, ctime (sec and nsec each).
STAT = Struct("<QQQIII4xQqqq6q24x")
# struct statx: mask, blksize, attributes, nlink, uid, gid, mode, ino, size, blocks, attributes' mask, four times (access,
# birth, change, modification: s, ns), the device it is and the one it is on (major, minor).
STATX = Struct("<IIQIIIH2xQQQQ" + "qI4x" * 4 + "IIII112x")
# struct statfs: type, bsize, blocks, bfree, bavail, files, ffree, fsid, namelen, frsize, flags.
STATFS = Struct("<qqQQQQQQqqq32x")
# struct rlimit: soft, hard.
RLIMIT = Struct("<QQ")
# struct flock: type, whence, start, len, pid.
FLOCK = Struct("<hh4xqqi4x")
# struct timespec[2], and what stands in for a time of now and for one that stays.
TIMES = Struct("<qqqq")
UTIME_NOW = 0x3FFFFFFF
UTIME_OMIT = 0x3FFFFFFE
# struct linux_dirent64 up to d_name: ino, off, reclen, type.
DIRENT64 = Struct("<QqHB")
# struct new_utsname: six strings of 65 bytes.
UTSNAME = Struct("65s65s65s65s65s65s")
# struct sysinfo: uptime, loads[3], totalram, freeram, sharedram, bufferram, totalswap, freeswap, procs, ...
SYSINFO = Struct("<q3Q6QHH4xQQI4x")

# The kernel's struct sigaction: handler, flags, restorer, mask.
SIGACTION = Struct("<QQQQ")
# siginfo_t: signo, errno, code, and of its union pid, uid and value (or a child's status); 128 bytes in all.
SIGINFO = Struct("<iii4xiii")
# struct inotify_event before the name: wd, mask, cookie, len.
INOTIFY_EVENT = Struct("<iIII")
# The kernel's struct termios: iflag, oflag, cflag, lflag, line, cc[19].
TERMIOS = Struct("<IIIIB19s")
# struct winsize: rows, columns, xpixel, ypixel.
WINSIZE = Struct("<HHHH")
# spawn's file action: op, fd, newfd, padding.
SPAWN_ACTION = Struct("<iii4x")

# struct ifreq: name[16] and a union of 24 bytes.
IFREQ_SIZE = 40
IFREQ_INT = Struct("<16si20x")
IFREQ_SHORT = Struct("<16sH22x")
IFREQ_ADDR = Struct("<16s16s8x")
IFREQ_POINTER = Struct("<16sQ16x")
IFCONF = Struct("<i4xQ")
# struct rtentry: dst, gateway, genmask, flags, metric, dev, mtu, window, irtt.
RTENTRY = Struct("<8x16s16s16sH2x4x8x8xh6xQQQH6x")
# struct arpreq: pa, ha, flags, netmask, dev[16].
ARPREQ = Struct("<16s16si16s16s")
# struct vlan_ioctl_args: cmd, device1[24], a union of 24 bytes (here an int), QoS.
VLAN_IOCTL_ARGS = Struct("<i24si20xh2x")
# struct packet_mreq: ifindex, type, alen, address[8].
PACKET_MREQ = Struct("<iHH8s")
# struct linger: onoff, seconds.
LINGER = Struct("<ii")
# struct sock_fprog: length, filter pointer.
SOCK_FPROG = Struct("<H6xQ")
