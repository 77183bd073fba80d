/* Adds hardware multicast addresses to an interface, as "ip maddr add" does, or deletes them: maddr add|del IFACE PREFIX COUNT.
 * The addresses are PREFIX (four bytes), a number from 0 to COUNT - 1, and 3. */
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct ifreq request;
    unsigned int prefix[4];
    int number, control = socket(AF_INET, SOCK_DGRAM, 0);

    if (argc != 5 || control < 0 || sscanf(argv[3], "%x:%x:%x:%x", prefix, prefix + 1, prefix + 2, prefix + 3) != 4)
        return 2;
    for (number = 0; number < atoi(argv[4]); number++) {
        unsigned char *address = (unsigned char *)request.ifr_hwaddr.sa_data;

        memset(&request, 0, sizeof(request));
        strncpy(request.ifr_name, argv[2], IFNAMSIZ - 1);
        request.ifr_hwaddr.sa_family = AF_UNSPEC;
        for (int i = 0; i < 4; i++)
            address[i] = prefix[i];
        address[4] = number;
        address[5] = 3;
        if (ioctl(control, strcmp(argv[1], "add") ? SIOCDELMULTI : SIOCADDMULTI, &request) < 0) {
            perror("maddr");
            return 1;
        }
    }
    close(control);
    return 0;
}
