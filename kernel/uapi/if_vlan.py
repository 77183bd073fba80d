"""<linux/if_vlan.h>: the commands of SIOCSIFVLAN and SIOCGIFVLAN."""

ADD_VLAN_CMD = 0
DEL_VLAN_CMD = 1
GET_VLAN_REALDEV_NAME_CMD = 8
GET_VLAN_VID_CMD = 9
# struct vlan_ioctl_args: int cmd, char device1[24], a union of 24 bytes, short vlan_qos.
VLAN_IOCTL_ARGS_SIZE = 56
