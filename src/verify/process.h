/*
 * What this process takes of its host: CPUs for servers and clients, and descriptors.
 */
#ifndef OC_VERIFY_PROCESS_H
#define OC_VERIFY_PROCESS_H

#include <stdint.h>

struct oc_verify__cpus {
    int server;
    int client;       /* the same on one CPU */
    uint32_t allowed; /* how many there are to choose among */
};

/**
 * Chooses among the CPUs that the calling thread may run on: servers on the first, clients of
 * cross-core placements on the last, since CPUs with neighbouring numbers are often two halves of
 * one core.
 */
void oc_verify__process_cpus(struct oc_verify__cpus *cpus);

/** Pins the calling thread. A CPU that is not to be had leaves it where it is. */
void oc_verify__process_pin(int cpu);

/** Raises the limit of descriptors, as far as it goes, to what 1000 connections need. */
void oc_verify__process_raise_files(void);

#endif
