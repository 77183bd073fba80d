"""The SNMP counters that /proc/net/snmp and /proc/net/netstat show, under Linux's names (RFC 4293, 4022, 4113).

One `ipstats` object per kernel; a counter's attribute is its group and its name: `net.mib.IpInReceives += 1`.
"""

def names(text):
    """The counter names in a text, as a tuple."""
    return tuple(text.split())


# Ip: of /proc/net/snmp, without the two values that are settings (Forwarding, DefaultTTL).
IP_MIB = names("""
    InReceives InHdrErrors InAddrErrors ForwDatagrams InUnknownProtos InDiscards InDelivers OutRequests OutDiscards
    OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs FragFails FragCreates
""")
# Icmp: of /proc/net/snmp.
ICMP_MIB = names("""
    InMsgs InErrors InCsumErrors InDestUnreachs InTimeExcds InParmProbs InSrcQuenchs InRedirects InEchos InEchoReps
    InTimestamps InTimestampReps InAddrMasks InAddrMaskReps OutMsgs OutErrors OutRateLimitGlobal OutRateLimitHost
    OutDestUnreachs OutTimeExcds OutParmProbs OutSrcQuenchs OutRedirects OutEchos OutEchoReps OutTimestamps
    OutTimestampReps OutAddrMasks OutAddrMaskReps
""")
# Tcp: of /proc/net/snmp, without its four constants.
TCP_MIB = names("""
    ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts
    InCsumErrors
""")
# Udp: of /proc/net/snmp.
UDP_MIB = names("""
    InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors
""")
# TcpExt: of /proc/net/netstat.
TCP_EXT_MIB = names("""
    SyncookiesSent SyncookiesRecv SyncookiesFailed EmbryonicRsts PruneCalled RcvPruned OfoPruned OutOfWindowIcmps
    LockDroppedIcmps ArpFilter TW TWRecycled TWKilled PAWSActive PAWSEstab DelayedACKs DelayedACKLocked
    DelayedACKLost ListenOverflows ListenDrops TCPHPHits TCPPureAcks TCPHPAcks TCPRenoRecovery TCPSackRecovery
    TCPSACKReneging TCPSACKReorder TCPRenoReorder TCPTSReorder TCPFullUndo TCPPartialUndo TCPDSACKUndo TCPLossUndo
    TCPLostRetransmit TCPRenoFailures TCPSackFailures TCPLossFailures TCPFastRetrans TCPSlowStartRetrans TCPTimeouts
    TCPLossProbes TCPLossProbeRecovery TCPRenoRecoveryFail TCPSackRecoveryFail TCPRcvCollapsed TCPBacklogCoalesce
    TCPDSACKOldSent TCPDSACKOfoSent TCPDSACKRecv TCPDSACKOfoRecv TCPAbortOnData TCPAbortOnClose TCPAbortOnMemory
    TCPAbortOnTimeout TCPAbortOnLinger TCPAbortFailed TCPMemoryPressures TCPMemoryPressuresChrono TCPSACKDiscard
    TCPDSACKIgnoredOld TCPDSACKIgnoredNoUndo TCPSpuriousRTOs TCPMD5NotFound TCPMD5Unexpected TCPMD5Failure
    TCPSackShifted TCPSackMerged TCPSackShiftFallback TCPBacklogDrop PFMemallocDrop TCPMinTTLDrop TCPDeferAcceptDrop
    IPReversePathFilter TCPTimeWaitOverflow TCPReqQFullDoCookies TCPReqQFullDrop TCPRetransFail TCPRcvCoalesce
    TCPOFOQueue TCPOFODrop TCPOFOMerge TCPChallengeACK TCPSYNChallenge TCPFastOpenActive TCPFastOpenActiveFail
    TCPFastOpenPassive TCPFastOpenPassiveFail TCPFastOpenListenOverflow TCPFastOpenCookieReqd TCPFastOpenBlackhole
    TCPSpuriousRtxHostQueues BusyPollRxPackets TCPAutoCorking TCPFromZeroWindowAdv TCPToZeroWindowAdv
    TCPWantZeroWindowAdv TCPSynRetrans TCPOrigDataSent TCPHystartTrainDetect TCPHystartTrainCwnd
    TCPHystartDelayDetect TCPHystartDelayCwnd TCPACKSkippedSynRecv TCPACKSkippedPAWS TCPACKSkippedSeq
    TCPACKSkippedFinWait2 TCPACKSkippedTimeWait TCPACKSkippedChallenge TCPWinProbe TCPKeepAlive TCPMTUPFail
    TCPMTUPSuccess TCPDelivered TCPDeliveredCE TCPAckCompressed TCPZeroWindowDrop TCPRcvQDrop TCPWqueueTooBig
    TCPFastOpenPassiveAltKey TcpTimeoutRehash TcpDuplicateDataRehash TCPDSACKRecvSegs TCPDSACKIgnoredDubious
    TCPMigrateReqSuccess TCPMigrateReqFailure
""")
# IpExt: of /proc/net/netstat.
IP_EXT_MIB = names("""
    InNoRoutes InTruncatedPkts InMcastPkts OutMcastPkts InBcastPkts OutBcastPkts InOctets OutOctets InMcastOctets
    OutMcastOctets InBcastOctets OutBcastOctets InCsumErrors InNoECTPkts InECT1Pkts InECT0Pkts InCEPkts
    ReasmOverlaps
""")

MIB_GROUPS = (
    ("Ip", IP_MIB),
    ("Icmp", ICMP_MIB),
    ("Tcp", TCP_MIB),
    ("Udp", UDP_MIB),
    ("TcpExt", TCP_EXT_MIB),
    ("IpExt", IP_EXT_MIB),
)


class ipstats:
    """All counters of one network namespace, zero at first."""

    def __init__(self):
        # ICMP messages by type, in and out: the IcmpMsg: line.
        self.icmp_in_types = [0] * 256
        self.icmp_out_types = [0] * 256
        for group, counters in MIB_GROUPS:
            for name in counters:
                setattr(self, group + name, 0)

    def get(self, name):
        """The counter called `name` (group and name), for tests and /proc."""
        return getattr(self, name)


def show_group(mib, group, counters, before=(), before_values=()):
    """The two lines that one group has in /proc/net/snmp."""
    values = [str(value) for value in before_values] + [str(mib.get(group + name)) for name in counters]
    return f"{group}: {' '.join([*before, *counters])}\n{group}: {' '.join(values)}\n"
