cdef class ipstats:
    cdef public list icmp_in_types, icmp_out_types
    cdef public long long IpInReceives, IpInHdrErrors, IpInAddrErrors, IpForwDatagrams, IpInUnknownProtos
    cdef public long long IpInDiscards, IpInDelivers, IpOutRequests, IpOutDiscards, IpOutNoRoutes
    cdef public long long IpReasmTimeout, IpReasmReqds, IpReasmOKs, IpReasmFails, IpFragOKs, IpFragFails
    cdef public long long IpFragCreates
    cdef public long long IcmpInMsgs, IcmpInErrors, IcmpInCsumErrors, IcmpInDestUnreachs, IcmpInTimeExcds
    cdef public long long IcmpInParmProbs, IcmpInSrcQuenchs, IcmpInRedirects, IcmpInEchos, IcmpInEchoReps
    cdef public long long IcmpInTimestamps, IcmpInTimestampReps, IcmpInAddrMasks, IcmpInAddrMaskReps
    cdef public long long IcmpOutMsgs, IcmpOutErrors, IcmpOutRateLimitGlobal, IcmpOutRateLimitHost
    cdef public long long IcmpOutDestUnreachs, IcmpOutTimeExcds, IcmpOutParmProbs, IcmpOutSrcQuenchs
    cdef public long long IcmpOutRedirects, IcmpOutEchos, IcmpOutEchoReps, IcmpOutTimestamps
    cdef public long long IcmpOutTimestampReps, IcmpOutAddrMasks, IcmpOutAddrMaskReps
    cdef public long long TcpActiveOpens, TcpPassiveOpens, TcpAttemptFails, TcpEstabResets, TcpCurrEstab
    cdef public long long TcpInSegs, TcpOutSegs, TcpRetransSegs, TcpInErrs, TcpOutRsts, TcpInCsumErrors
    cdef public long long UdpInDatagrams, UdpNoPorts, UdpInErrors, UdpOutDatagrams, UdpRcvbufErrors
    cdef public long long UdpSndbufErrors, UdpInCsumErrors, UdpIgnoredMulti, UdpMemErrors
    cdef public long long TcpExtSyncookiesSent, TcpExtSyncookiesRecv, TcpExtSyncookiesFailed
    cdef public long long TcpExtEmbryonicRsts, TcpExtPruneCalled, TcpExtRcvPruned, TcpExtOfoPruned
    cdef public long long TcpExtOutOfWindowIcmps, TcpExtLockDroppedIcmps, TcpExtArpFilter, TcpExtTW
    cdef public long long TcpExtTWRecycled, TcpExtTWKilled, TcpExtPAWSActive, TcpExtPAWSEstab
    cdef public long long TcpExtDelayedACKs, TcpExtDelayedACKLocked, TcpExtDelayedACKLost
    cdef public long long TcpExtListenOverflows, TcpExtListenDrops, TcpExtTCPHPHits, TcpExtTCPPureAcks
    cdef public long long TcpExtTCPHPAcks, TcpExtTCPRenoRecovery, TcpExtTCPSackRecovery, TcpExtTCPSACKReneging
    cdef public long long TcpExtTCPSACKReorder, TcpExtTCPRenoReorder, TcpExtTCPTSReorder, TcpExtTCPFullUndo
    cdef public long long TcpExtTCPPartialUndo, TcpExtTCPDSACKUndo, TcpExtTCPLossUndo, TcpExtTCPLostRetransmit
    cdef public long long TcpExtTCPRenoFailures, TcpExtTCPSackFailures, TcpExtTCPLossFailures
    cdef public long long TcpExtTCPFastRetrans, TcpExtTCPSlowStartRetrans, TcpExtTCPTimeouts
    cdef public long long TcpExtTCPLossProbes, TcpExtTCPLossProbeRecovery, TcpExtTCPRenoRecoveryFail
    cdef public long long TcpExtTCPSackRecoveryFail, TcpExtTCPRcvCollapsed, TcpExtTCPBacklogCoalesce
    cdef public long long TcpExtTCPDSACKOldSent, TcpExtTCPDSACKOfoSent, TcpExtTCPDSACKRecv
    cdef public long long TcpExtTCPDSACKOfoRecv, TcpExtTCPAbortOnData, TcpExtTCPAbortOnClose
    cdef public long long TcpExtTCPAbortOnMemory, TcpExtTCPAbortOnTimeout, TcpExtTCPAbortOnLinger
    cdef public long long TcpExtTCPAbortFailed, TcpExtTCPMemoryPressures, TcpExtTCPMemoryPressuresChrono
    cdef public long long TcpExtTCPSACKDiscard, TcpExtTCPDSACKIgnoredOld, TcpExtTCPDSACKIgnoredNoUndo
    cdef public long long TcpExtTCPSpuriousRTOs, TcpExtTCPMD5NotFound, TcpExtTCPMD5Unexpected
    cdef public long long TcpExtTCPMD5Failure, TcpExtTCPSackShifted, TcpExtTCPSackMerged
    cdef public long long TcpExtTCPSackShiftFallback, TcpExtTCPBacklogDrop, TcpExtPFMemallocDrop
    cdef public long long TcpExtTCPMinTTLDrop, TcpExtTCPDeferAcceptDrop, TcpExtIPReversePathFilter
    cdef public long long TcpExtTCPTimeWaitOverflow, TcpExtTCPReqQFullDoCookies, TcpExtTCPReqQFullDrop
    cdef public long long TcpExtTCPRetransFail, TcpExtTCPRcvCoalesce, TcpExtTCPOFOQueue, TcpExtTCPOFODrop
    cdef public long long TcpExtTCPOFOMerge, TcpExtTCPChallengeACK, TcpExtTCPSYNChallenge
    cdef public long long TcpExtTCPFastOpenActive, TcpExtTCPFastOpenActiveFail, TcpExtTCPFastOpenPassive
    cdef public long long TcpExtTCPFastOpenPassiveFail, TcpExtTCPFastOpenListenOverflow
    cdef public long long TcpExtTCPFastOpenCookieReqd, TcpExtTCPFastOpenBlackhole
    cdef public long long TcpExtTCPSpuriousRtxHostQueues, TcpExtBusyPollRxPackets, TcpExtTCPAutoCorking
    cdef public long long TcpExtTCPFromZeroWindowAdv, TcpExtTCPToZeroWindowAdv, TcpExtTCPWantZeroWindowAdv
    cdef public long long TcpExtTCPSynRetrans, TcpExtTCPOrigDataSent, TcpExtTCPHystartTrainDetect
    cdef public long long TcpExtTCPHystartTrainCwnd, TcpExtTCPHystartDelayDetect, TcpExtTCPHystartDelayCwnd
    cdef public long long TcpExtTCPACKSkippedSynRecv, TcpExtTCPACKSkippedPAWS, TcpExtTCPACKSkippedSeq
    cdef public long long TcpExtTCPACKSkippedFinWait2, TcpExtTCPACKSkippedTimeWait
    cdef public long long TcpExtTCPACKSkippedChallenge, TcpExtTCPWinProbe, TcpExtTCPKeepAlive
    cdef public long long TcpExtTCPMTUPFail, TcpExtTCPMTUPSuccess, TcpExtTCPDelivered, TcpExtTCPDeliveredCE
    cdef public long long TcpExtTCPAckCompressed, TcpExtTCPZeroWindowDrop, TcpExtTCPRcvQDrop
    cdef public long long TcpExtTCPWqueueTooBig, TcpExtTCPFastOpenPassiveAltKey, TcpExtTcpTimeoutRehash
    cdef public long long TcpExtTcpDuplicateDataRehash, TcpExtTCPDSACKRecvSegs, TcpExtTCPDSACKIgnoredDubious
    cdef public long long TcpExtTCPMigrateReqSuccess, TcpExtTCPMigrateReqFailure
    cdef public long long IpExtInNoRoutes, IpExtInTruncatedPkts, IpExtInMcastPkts, IpExtOutMcastPkts
    cdef public long long IpExtInBcastPkts, IpExtOutBcastPkts, IpExtInOctets, IpExtOutOctets
    cdef public long long IpExtInMcastOctets, IpExtOutMcastOctets, IpExtInBcastOctets, IpExtOutBcastOctets
    cdef public long long IpExtInCsumErrors, IpExtInNoECTPkts, IpExtInECT1Pkts, IpExtInECT0Pkts, IpExtInCEPkts
    cdef public long long IpExtReasmOverlaps
    cpdef get(self, name)


cpdef tuple names(str text)
