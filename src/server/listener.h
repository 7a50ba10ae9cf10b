/*
 * What `--listen HOST:PORT[,option=value...]` says.
 */
#ifndef OC_SERVER_LISTENER_H
#define OC_SERVER_LISTENER_H

#include <stdbool.h>
#include <stddef.h>

#define OC_LISTENER_ADDRESS_BYTES_MAX    64
#define OC_LISTENER_CONGESTION_BYTES_MAX 16

struct oc_listener {
    char address[OC_LISTENER_ADDRESS_BYTES_MAX];       /* HOST:PORT, port 0 picks one */
    char congestion[OC_LISTENER_CONGESTION_BYTES_MAX]; /* empty: reno on loopback, else system's */
    bool confirmations_all;
};

/**
 * Reads the text. Options: identity=claimed, confirmations=own|all, congestion=NAME.
 * Returns 0, or -1 with one line of text in `error`. Whether the host is there is judged later,
 * when it is bound.
 */
int oc_listener_parse(const char *text, struct oc_listener *listener, char *error,
                      size_t error_size);

#endif
