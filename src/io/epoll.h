/*
 * What the files of the epoll backend share: the instance, and who does what.
 *
 *   epoll.c        the slots of the table, the turn, sending, waiting
 *   epoll_input.c  receiving, accepting, the answer to connect()
 */
#ifndef OC_IO_EPOLL_H
#define OC_IO_EPOLL_H

#include <sys/epoll.h>

#include "io/base.h"

/** Edges taken from the kernel by one call. */
#define OC_IO__EPOLL_EDGES_MAX 512

/** Of a connection: told to epoll once, for everything. */
#define OC_IO__EPOLL_EDGE_MASK (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)

enum oc_io__epoll_edge_kind {
    OC_IO__EPOLL_EDGE_CONN = 1,
    OC_IO__EPOLL_EDGE_LISTENER,
    OC_IO__EPOLL_EDGE_WAKE,
};

struct oc_io__epoll {
    struct oc_io__base base;
    struct oc_pool free_buffers;
    int epoll_fd;
    bool no_pwait2; /* the kernel lacks epoll_pwait2: waits are rounded up to ms */
    uint8_t *discard;
    struct epoll_event edges[OC_IO__EPOLL_EDGES_MAX];
};

/** What an edge carries: whose it is. */
static inline uint64_t oc_io__epoll_data(enum oc_io__epoll_edge_kind kind, uint32_t generation,
                                         uint32_t index)
{
    return (uint64_t)kind << 56 | (uint64_t)index << 32 | generation;
}

/* --- epoll.c ------------------------------------------------------------------------------- */

/** Counts the system call whose result this is. Returns it, or -errno. */
int oc_io__epoll_counted(struct oc_io__epoll *epoll, long result);

/** Tells epoll of a descriptor. 0 or -errno. */
int oc_io__epoll_watch(struct oc_io__epoll *epoll, int fd, uint32_t mask, uint64_t data);

/* --- epoll_input.c ------------------------------------------------------------------------- */

/** Whether the ready list has a connection that can be served: one with kept input, or a buffer. */
bool oc_io__epoll_has_ready(const struct oc_io__epoll *epoll);

/** Serves each connection of the ready list once, while the batch and the buffers last. */
void oc_io__epoll_serve_ready(struct oc_io__epoll *epoll, struct oc_io__batch *batch);

/** Accepts from each listener that may have connections waiting. */
void oc_io__epoll_serve_listeners(struct oc_io__epoll *epoll, struct oc_io__batch *batch);

#endif
