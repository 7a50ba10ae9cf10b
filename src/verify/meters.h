/*
 * The meters: CPU time, context switches, memory, descriptors and TCP's own counters, read before
 * and after the measured period.
 *
 * Loopback bills the receiver's work to the sender, so the server alone is half the truth: client
 * and whole machine are read too. Of the machine idle and iowait are subtracted from the time that
 * passed: what is left is busy, to one tick of /proc/stat (10 ms).
 */
#ifndef OC_VERIFY_METERS_H
#define OC_VERIFY_METERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct oc_verify__meters {
    uint64_t now_ns;
    uint64_t server_cpu_ns;
    uint64_t client_cpu_ns; /* of this process */
    uint64_t machine_ns;    /* of all CPUs of the server's host together, since any point */
    uint64_t idle_ns;       /* of these, iowait included */
    uint64_t steal_ns;
    uint64_t here_machine_ns; /* the same of this host: another one where the server is remote */
    uint64_t here_steal_ns;
    uint64_t switches; /* of the server's tasks, voluntary and not */
};

/**
 * Reads all of them for the server `pid` on this host; what cannot be read is 0. The load stands
 * still meanwhile, some 50 us.
 */
void oc_verify__meters_read(pid_t pid, struct oc_verify__meters *meters);

/** Connections that the machine's listen queues dropped so far, and segments sent again. */
void oc_verify__tcp_read(uint64_t *drops, uint64_t *retransmits);

/** Resident memory of a process in bytes, and its open descriptors; 0 where it cannot be read. */
uint64_t oc_verify__resident_bytes(pid_t pid);
uint32_t oc_verify__descriptor_count(pid_t pid);

/** CPUs that are online. */
uint32_t oc_verify__cpu_count(void);

/* --- pure: the text of files under /proc ------------------------------------------------------ */

/** Idle (with iowait) and steal of the first line of /proc/stat, in ticks. False: not that file. */
bool oc_verify__parse_stat(const char *text, uint64_t *idle, uint64_t *steal);

/** The number behind "NAME:" at the begin of a line, as /proc/PID/status has it. False: none. */
bool oc_verify__parse_field(const char *text, const char *name, uint64_t *value);

/**
 * A counter of /proc/net/netstat or snmp, which have a line of names and a line of values, each
 * beginning with "GROUP:". False: no such counter.
 */
bool oc_verify__parse_netstat(const char *text, const char *group, const char *name,
                              uint64_t *value);

#endif
