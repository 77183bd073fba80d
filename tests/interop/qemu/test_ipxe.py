"""iPXE's own driver on our card: it gets its address by DHCP from the user network."""

from .conftest import served
from .guest import Guest, vfio_user


def test_lease(cache, tmp_path):
    rom = cache.firmware / "pxe-e1000.rom"
    with served(tmp_path, "--net", "user") as server:
        guest = Guest(cache, vfio_user(server.socket, romfile=str(rom), bootindex=1), kernel=False)
        try:
            guest.wait(r"using 82540em on", 60)
            lease = guest.wait(r"net0: [^\n]*gw [^\n]*\n", 30)[0]
        finally:
            guest.stop()
    print(lease)
    assert lease.strip() == "net0: 10.0.2.15/255.255.255.0 gw 10.0.2.2"
