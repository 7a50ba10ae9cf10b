/*
 * The stacks as programs: where they are, what they are called with, and why one is missing.
 *
 * Ours are this very program, run again with a subcommand. The others are programs of the build
 * tree, found beside it; a missing one is "not measured", with the reason, and the rest goes on.
 */
#ifndef OC_VERIFY_STACKS_H
#define OC_VERIFY_STACKS_H

#include <stdbool.h>
#include <stdint.h>

#include "io/socket.h"
#include "verify/model.h"

#define OC_VERIFY__PATH_BYTES      512U
#define OC_VERIFY__ARGUMENTS_MAX   16U
#define OC_VERIFY__ARGUMENTS_BYTES 1024U

/** One stack on this host. */
struct oc_verify_stack_status {
    bool available;
    char version[160]; /* what it is, for reports; empty where it is not known */
    char why[256];     /* not available: the reason */
};

struct oc_verify__stacks {
    char self[OC_VERIFY__PATH_BYTES];
    char tokio[OC_VERIFY__PATH_BYTES];
    char libuv[OC_VERIFY__PATH_BYTES];
    char listen[OC_IO_ADDRESS_TEXT_BYTES]; /* HOST:0 that servers are told to listen on */
    bool insecure;                         /* it is no loopback address */
    struct oc_verify_stack_status status[OC_VERIFY_STACK_COUNT];
};

/** A server that is to be started. */
struct oc_verify__server {
    enum oc_verify_stack stack;
    bool echo;                 /* else a whole venue */
    uint32_t size;             /* of a message to an echo, for ALTERED */
    uint64_t busy_poll_ns;     /* ours spin so long before they block; 0: they block */
    uint64_t altered_delay_ns; /* of ALTERED, for each request; 0 for A/A */
};

/** The words of a command line; the last pointer is NULL. */
struct oc_verify__command {
    const char *words[OC_VERIFY__ARGUMENTS_MAX];
    uint32_t count;
    char text[OC_VERIFY__ARGUMENTS_BYTES]; /* that words may point into */
    uint32_t text_size;
};

/**
 * Finds the programs and asks for their versions. @tokio, @libuv  paths, or NULL: beside this
 * program, or in the build tree that it stands in. Servers are to listen on 127.0.0.1. Start-up
 * only.
 */
void oc_verify__stacks_find(struct oc_verify__stacks *stacks, const char *tokio, const char *libuv);

/** From now on servers listen on this host's `address`, on any port. */
void oc_verify__stacks_listen(struct oc_verify__stacks *stacks,
                              const struct oc_io_address *address);

/**
 * Fills in how to start a server. libuv is an echo only. The words point into *command and *stacks.
 */
void oc_verify__stacks_command(const struct oc_verify__stacks *stacks,
                               const struct oc_verify__server *server,
                               struct oc_verify__command *command);

/** Whether a stack of ours, whose backend counts its system calls. */
bool oc_verify__stack_is_ours(enum oc_verify_stack stack);

/** The name in reports, and the stack of a name; OC_VERIFY_STACK_COUNT for an unknown one. */
const char *oc_verify_stack_name(enum oc_verify_stack stack);
enum oc_verify_stack oc_verify_stack_find(const char *name);

#endif
