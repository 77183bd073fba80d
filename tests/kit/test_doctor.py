"""Each diagnosis of the doctor, caused on a board; the command on a running machine, on files, and on things that are none."""

import json
import os
import select
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from hwemu.nic.e1000 import registers as r
from hwemu.wire.link import Link
from hwemu.wire.port import FRAME_BAD_FCS
from hwemu.wire.test_end import TestEnd
from kernel.net.core.dev import netif_carrier_off, netif_stop_queue
from kernel.pci.device import pci_clear_master, pci_intx
from lab import cli
from lab.control import Control, fetch
from lab.errors import LabError
from lab.kit import doctor
from lab.kit.board import MAC, MILLISECOND, PEER, Board, frame
from lab.kit.frames import eth, raw
from lab.kit.snapshot import Observer, take

ROOT = Path(__file__).resolve().parents[2]
STRANGER = bytes.fromhex("025400999999")


@pytest.fixture
def patient(make_board):
    """A board that is up, an observer on its wire, and `said()`: what the doctor says of it."""
    board = make_board(clean=False)
    observe(board)
    return board


def observe(board):
    """Put an observer between the card and its wire."""
    board.wire.detach(board.nic.port)
    board.observer = Observer(board.wire)
    board.observer.attach(board.nic.port)
    board.run(100 * MILLISECOND)


def said(board):
    return doctor.examine(json.loads(json.dumps(take(board.machine, board.nic, board.kernel, board.observer))))


def write(board, offset, value):
    board.nic.write_register(offset, value)


def only(board, *parts):
    """The doctor says one thing, and all of `parts` are in it."""
    found = said(board)
    assert len(found) == 1, found
    assert all(part in found[0] for part in parts), found[0]


def test_nothing_is_wrong(patient):
    patient.end.inject(frame(bytes(60)))
    patient.send(frame(bytes(60), destination=PEER, source=MAC))
    patient.run(10 * MILLISECOND)
    assert said(patient) == []
    assert patient.observer.state()["destinations"] == {MAC.hex(":"): 1} and patient.observer.frames_out == 1


def test_bus_master_off(patient):
    patient.on_cpu(pci_clear_master, patient.dev.parent)
    only(patient, "Bus mastering is off", "pci_set_master")


def test_memory_decoding_off(patient):
    patient.nic.config_write(4, 2, 4)
    assert any("does not decode its registers" in line for line in said(patient))


def test_card_out_of_its_slot(patient):
    patient.kit.faults.remove_card()
    assert "not in its slot" in said(patient)[0]


def test_no_driver():
    board = Board(up_driverless)
    board.observer = None
    found = said(board)
    assert "No driver has taken the card" in found[0]
    board.shutdown()


def up_driverless(kernel):
    """A driver for nothing."""

    class Nobody:
        name = "nobody"
        id_table = ()

    return Nobody()


def test_interface_down(patient):
    patient.down()
    assert any("nobody has opened it" in line for line in said(patient))


def test_receiver_off(patient):
    write(patient, r.RCTL, 0)
    only(patient, "RCTL.EN is clear")


def test_transmitter_off(patient):
    write(patient, r.TCTL, 0)
    only(patient, "TCTL.EN is clear")


def test_no_rings(patient):
    write(patient, r.RDLEN, 0)
    write(patient, r.TDLEN, 0)
    found = said(patient)
    assert any("RDLEN is 0" in line for line in found) and any("TDLEN is 0" in line for line in found)


def test_receive_tail_never_moved(patient):
    write(patient, r.RDT, 0)
    write(patient, r.RDH, 0)
    only(patient, "receive tail (RDT) was never moved")


def test_receive_descriptors_used_up(patient):
    write(patient, r.RDH, patient.kit.rings.rx.tail)
    only(patient, "used up its descriptors")


def test_transmit_tail_never_moved(patient):
    fault = patient.kit.faults.hang_transmit()
    patient.send(frame(bytes(60), destination=PEER, source=MAC))
    only(patient, "transmit tail (TDT) was never moved")
    fault.end()


def test_transmit_stuck(patient):
    patient.nic.transmitter.flow.paused = True
    patient.send(frame(bytes(60), destination=PEER, source=MAC))
    only(patient, "1 transmit descriptors are given", "TDH 0, TDT 1")


def test_paused(patient):
    patient.nic.regs.put(r.STATUS, patient.nic.regs.get(r.STATUS) | 0x10)
    only(patient, "the other end sent XOFF")


def test_mask_never_set(patient):
    write(patient, r.IMC, 0xFFFFFFFF)
    patient.end.inject(frame(bytes(60)))
    patient.run()
    only(patient, "no bit of the interrupt mask (IMS) is set", "causes 0x80 are waiting")


def test_receive_cause_masked(patient):
    write(patient, r.IMC, 0x80)
    only(patient, "RXT0 is not in the interrupt mask")


def test_pin_held_down(patient):
    patient.on_cpu(pci_intx, patient.dev.parent, False)
    only(patient, "PCI command bit 10")


def test_line_masked(patient):
    patient.kernel.arch.mask_irq(patient.nic.interrupt_line)
    only(patient, "Interrupt line", "is masked at the controller")


@pytest.mark.parametrize("destination", [STRANGER, bytes.fromhex("01005e000009")])
def test_address_filter(patient, destination):
    patient.end.inject(frame(bytes(60), destination=destination))
    patient.run()
    only(patient, "address filter rejects", destination.hex(":"), MAC.hex(":"), "broadcasts")


def test_address_filter_agrees_with_the_card(patient):
    group = bytes.fromhex("01005e7fabcd")
    write(patient, r.MTA + 4 * 0x3F, 0xFFFFFFFF)
    for rctl in range(0, 0x10000, 0x1000):
        write(patient, r.RCTL, 0x0400C002 & ~0x3000 | rctl & 0x3000 | rctl >> 11 & 0x18)
        for address in (group, STRANGER, MAC, b"\xff" * 6):
            patient.nic.receiver.frame.load(frame(bytes(60), destination=address))
            card = patient.nic.receiver.filters.accept(patient.nic.receiver.frame) != 0
            snapshot = take(patient.machine, patient.nic)
            assert doctor.accepts(snapshot, address.hex(":")) == card, (hex(rctl), address.hex(":"))


def test_mtu_too_small(patient):
    patient.end.inject(bytes(eth(dst=MAC) / raw(bytes(4000))))
    patient.run()
    only(patient, "The MTU of 1500 is too small", "frames of 4018 bytes", "RCTL.LPE is clear")


def test_link_down(patient):
    patient.wire.set_up(False)
    patient.run()
    assert "no carrier on the wire" in said(patient)[0]
    patient.wire.set_up(True)
    patient.run()
    assert "not finished negotiating" in said(patient)[0]
    patient.run(100 * MILLISECOND)
    write(patient, r.CTRL, patient.nic.regs.get(r.CTRL) & ~0x40)
    assert "CTRL.SLU is clear" in said(patient)[0]


def test_carrier_not_noticed(patient):
    patient.on_cpu(netif_carrier_off, patient.dev)
    only(patient, "the driver has not noticed")


def test_queue_never_woken(patient):
    patient.on_cpu(netif_stop_queue, patient.dev)
    only(patient, "netif_wake_queue was not called")


def test_master_aborts(patient):
    patient.kit.faults.fail_dma(times=1, what="data")
    patient.end.inject(frame(bytes(60)))
    patient.run()
    only(patient, "1 DMA transfers ended in a master abort")


def test_bad_cable(patient):
    for _ in range(3):
        patient.end.inject(frame(bytes(60)), FRAME_BAD_FCS)
    patient.run()
    only(patient, "3 frames arrived with a wrong FCS")


def test_every_diagnosis_is_caused_by_a_test_above():
    """The sentences of all diagnoses, by name; a new one has to appear here and above."""
    assert [function.__name__ for function in doctor.DIAGNOSES] == [
        "not_plugged", "no_driver", "no_memory_decoding", "no_bus_master", "master_aborts", "interface_down", "link_down",
        "carrier_not_seen", "paused", "receiver_off", "no_receive_ring", "no_receive_descriptor", "filtered", "too_long",
        "damaged", "transmitter_off", "no_transmit_ring", "tail_never_moved", "transmit_stuck", "queue_stopped",
        "mask_never_set", "receive_masked", "intx_disabled", "line_masked",
    ]  # fmt: skip


def test_taking_a_snapshot_changes_nothing(patient):
    patient.kernel.arch.mask_irq(patient.nic.interrupt_line)
    patient.end.inject(frame(bytes(60)))
    patient.run()
    first = take(patient.machine, patient.nic, patient.kernel, patient.observer)
    assert first == take(patient.machine, patient.nic, patient.kernel, patient.observer)
    assert first["registers"]["ICR"] & 0x80 and first["interrupts"]["pin"]


def test_the_observer_counts_a_bounded_number_of_destinations(clock):
    link, end = Link(clock), TestEnd(clock)
    observer = Observer(link)
    observer.attach(end)
    other = TestEnd(clock)
    link.attach(other)
    for number in range(200):
        other.inject(bytes([2, 0, 0, 0, 0, number]) + bytes(54))
    clock.run(clock.now + MILLISECOND)
    assert len(observer.destinations) == 65 and observer.destinations["others"] == 200 - 64


# --- the command ---


def hwemu(*words):
    return subprocess.run(
        [sys.executable, "-m", "lab.cli", *words],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@contextmanager
def running(path, ready, *words):
    """A command that listens at the control socket `path`, once `ready(snapshot)` holds; its output, in the end."""
    output = []
    with subprocess.Popen(
        [sys.executable, "-m", "lab.cli", *words, "--control", str(path)],
        cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        try:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and process.poll() is None:
                with suppress(LabError):
                    if ready(json.loads(fetch(path))):
                        break
                time.sleep(0.05)
            yield output
        finally:
            process.terminate()
            output.append(process.communicate(timeout=60)[0].decode())
    assert not path.exists()


def test_the_doctor_at_a_running_machine(tmp_path, capsys):
    saved, path = tmp_path / "saved.json", tmp_path / "control"
    with running(path, lambda snapshot: snapshot["interface"].get("carrier"), "boot", "--net", "user", "--quiet"):
        assert cli.main(["doctor", str(path), "--save", str(saved), "--rings"]) == 0
    output = capsys.readouterr().out
    assert "nothing speaks against frames flowing" in output and "RX ring at" in output
    snapshot = json.loads(saved.read_text())
    assert snapshot["interface"]["driver"] == "e1000" and snapshot["frames"] is not None
    snapshot["registers"]["RCTL"] = 0
    snapshot["registers"]["IMS"] = 0
    saved.write_text(json.dumps(snapshot))
    assert cli.main(["doctor", str(saved)]) == 1
    output = capsys.readouterr().out
    assert "2 things to look at" in output and "1. Nothing is received: RCTL.EN is clear." in output
    saved.write_text(json.dumps({"version": 1, "card": "x"}))
    assert cli.main(["doctor", str(saved)]) == 1
    assert "parts missing" in capsys.readouterr().err


def test_the_doctor_at_a_card_that_is_served(tmp_path, capsys):
    path = tmp_path / "control"
    with running(path, lambda snapshot: snapshot["phy"]["link"], "serve-nic", "--vfio-user", str(tmp_path / "nic")):
        assert cli.main(["doctor", str(path)]) == 1
    output = capsys.readouterr().out
    assert "Bus mastering is off" in output and "RCTL.EN is clear" in output and "line" not in output


@pytest.mark.parametrize("content", [None, "", "nonsense", "[]", '{"version": 99}'])
def test_what_is_no_snapshot_is_one_line(tmp_path, capsys, content):
    path = tmp_path / "snapshot"
    if content is not None:
        path.write_text(content)
    assert cli.main(["doctor", str(path)]) == 1
    output = capsys.readouterr()
    assert output.out == "" and output.err.count("\n") == 1 and output.err.startswith("hwemu doctor: ")


@pytest.mark.parametrize("path", ["/nonexistent/control", "/dev/null", "x" * 200])
def test_a_control_path_that_cannot_be_used_is_one_line(path):
    process = hwemu("boot", "--control", path, "-c", "true")
    assert process.returncode == 1 and process.stdout == "" and process.stderr.count("\n") == 1
    assert process.stderr.startswith("hwemu boot: --control ")


def test_control_needs_the_hosts_clock():
    process = hwemu("boot", "--control", "x", "--virtual-time", "-c", "true")
    assert process.returncode == 2 and process.stderr.count("\n") == 1


def served(machine, peer):
    """Let the machine run until it has told `peer` something."""
    deadline = time.monotonic() + 60
    while not select.select([peer], [], [], 0)[0] and time.monotonic() < deadline:
        machine.clock.run(machine.clock.now + MILLISECOND)


def test_a_socket_that_nobody_listens_at_is_replaced_and_one_in_use_is_not(machine, tmp_path):
    path = str(tmp_path / "control")
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(path)
    dead.close()

    def snapshot():
        return take(machine.machine, machine.nic, machine.kernel)

    control = Control(machine.clock, path, snapshot)
    assert oct(os.stat(path).st_mode & 0o777) == "0o600"
    with pytest.raises(LabError, match="in use"):
        Control(machine.clock, path, snapshot)
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(path)
        served(machine, peer)
        peer.settimeout(60)
        data = b""
        while piece := peer.recv(65536):
            data += piece
    assert json.loads(data)["card"] == "hw0/nic0"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(path)
    with socket.socket(socket.AF_UNIX) as behind:
        behind.connect(path)
        served(machine, behind)
    control.close()
    assert not os.path.exists(path)
