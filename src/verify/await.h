/*
 * Waiting for a descriptor, with an end.
 */
#ifndef OC_VERIFY_AWAIT_H
#define OC_VERIFY_AWAIT_H

#include <stdbool.h>
#include <stdint.h>

/**
 * Waits until poll(2) tells something of the descriptor. @events  POLLIN or POLLOUT. @deadline_ns
 * of oc_verify__clock_ns(); one in the past asks once. Returns false when the time is over, or
 * where poll fails; a signal ends nothing.
 */
bool oc_verify__await(int fd, short events, uint64_t deadline_ns);

#endif
