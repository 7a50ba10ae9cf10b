/*
 * Finding the programs, and their command lines.
 */
#include "verify/stacks.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/assert.h"
#include "core/version.h"
#include "io/probe.h"
#include "verify/child.h"
#include "verify/environment.h"

static void find_self(struct oc_verify__stacks *stacks);
static void find_program(const struct oc_verify__stacks *stacks, const char *given,
                         const char *const places[], const char *mend, char *path,
                         struct oc_verify_stack_status *status);
static void ask_version(const char *path, struct oc_verify_stack_status *status);
static void add(struct oc_verify__command *command, const char *word);
static void add_number(struct oc_verify__command *command, const char *name, uint64_t value);
static void add_listen(struct oc_verify__command *command, const char *listen, const char *more);

static const char *const NAMES[] = {
#define STACK_NAME(name, wire, text) wire,
    OC_VERIFY_STACK_MAP(STACK_NAME)
#undef STACK_NAME
};

void oc_verify__stacks_find(struct oc_verify__stacks *stacks, const char *tokio, const char *libuv)
{
    static const char *const TOKIO[] = {
        "../baseline-tokio/release/baseline-tokio",
        "../build/baseline-tokio/release/baseline-tokio",
        "../../build/baseline-tokio/release/baseline-tokio",
        NULL,
    };
    static const char *const LIBUV[] = {"outcry-libuv-echo", NULL};
    struct oc_io_probe_report report;
    char reason[OC_IO_REASON_BYTES];
    struct oc_verify_stack_status *ours = stacks->status;
    const bool has_io_uring = oc_io_choose(OC_IO_MODE_URING, &report, reason, sizeof(reason)) !=
                              NULL;

    find_self(stacks);
    (void)snprintf(stacks->listen, sizeof(stacks->listen), "127.0.0.1:0");
    stacks->insecure = false;
    for (uint32_t i = 0; i < OC_VERIFY_STACK_COUNT; i++) {
        ours[i] = (struct oc_verify_stack_status){.available = true};
        (void)snprintf(ours[i].version, sizeof(ours[i].version), "outcry %s (%s)", OC_VERSION,
                       OC_GIT_REVISION);
    }
    if (!has_io_uring) {
        ours[OC_VERIFY_STACK_IO_URING].available = false;
        (void)snprintf(ours[OC_VERIFY_STACK_IO_URING].why,
                       sizeof(ours[OC_VERIFY_STACK_IO_URING].why), "%.255s", reason);
    }
    find_program(stacks, tokio, TOKIO, "run `make baseline-tokio`", stacks->tokio,
                 &ours[OC_VERIFY_STACK_TOKIO]);
    ours[OC_VERIFY_STACK_TOKIO_CURRENT] = ours[OC_VERIFY_STACK_TOKIO];
    find_program(stacks, libuv, LIBUV, "install libuv1-dev, then make", stacks->libuv,
                 &ours[OC_VERIFY_STACK_LIBUV]);
}

void oc_verify__stacks_listen(struct oc_verify__stacks *stacks, const struct oc_io_address *address)
{
    char text[OC_IO_ADDRESS_TEXT_BYTES];
    const char *colon;

    if (oc_io_address_text(address, text, sizeof(text)) == 0 &&
        (colon = strrchr(text, ':')) != NULL) {
        (void)snprintf(stacks->listen, sizeof(stacks->listen), "%.*s:0", (int)(colon - text), text);
    }
    stacks->insecure = !oc_io_address_is_loopback(address);
}

void oc_verify__stacks_command(const struct oc_verify__stacks *stacks,
                               const struct oc_verify__server *server,
                               struct oc_verify__command *command)
{
    const enum oc_verify_stack stack = server->stack;

    *command = (struct oc_verify__command){0};
    switch (stack) {
    case OC_VERIFY_STACK_TOKIO:
    case OC_VERIFY_STACK_TOKIO_CURRENT:
        add(command, stacks->tokio);
        add(command, "--listen");
        add(command, stacks->listen);
        add(command, "--runtime");
        add(command, stack == OC_VERIFY_STACK_TOKIO ? "multi" : "current");
        if (server->echo) {
            add(command, "--echo");
        }
        return;
    case OC_VERIFY_STACK_LIBUV:
        OC_ASSERT(server->echo);
        add(command, stacks->libuv);
        add(command, "--listen");
        add(command, stacks->listen);
        return;
    case OC_VERIFY_STACK_FLOOR:
    case OC_VERIFY_STACK_EPOLL:
    case OC_VERIFY_STACK_IO_URING:
    case OC_VERIFY_STACK_ALTERED:
        break;
    case OC_VERIFY_STACK_COUNT:
        OC_UNREACHABLE();
    }
    add(command, stacks->self);
    add(command, server->echo ? "echo" : "serve");
    add(command, "--net");
    add(command, stack == OC_VERIFY_STACK_FLOOR      ? "blocking"
                 : stack == OC_VERIFY_STACK_IO_URING ? "io_uring"
                                                     : "epoll");
    add(command, "--listen");
    add_listen(command, stacks->listen, server->echo ? "" : ",congestion=reno");
    if (stacks->insecure && !server->echo) {
        add(command, "--insecure");
    }
    if (server->busy_poll_ns > 0) {
        add_number(command, "--busy-poll", server->busy_poll_ns / 1000U);
    }
    if (stack == OC_VERIFY_STACK_ALTERED && server->altered_delay_ns > 0) {
        add_number(command, "--delay-ns", server->altered_delay_ns);
        if (server->echo) {
            add_number(command, "--message-size", server->size);
        }
    }
}

bool oc_verify__stack_is_ours(enum oc_verify_stack stack)
{
    return stack == OC_VERIFY_STACK_FLOOR || stack == OC_VERIFY_STACK_EPOLL ||
           stack == OC_VERIFY_STACK_IO_URING || stack == OC_VERIFY_STACK_ALTERED;
}

const char *oc_verify_stack_name(enum oc_verify_stack stack)
{
    OC_ASSERT(stack < OC_VERIFY_STACK_COUNT);
    return NAMES[stack];
}

enum oc_verify_stack oc_verify_stack_find(const char *name)
{
    uint32_t i = 0;

    while (i < OC_VERIFY_STACK_COUNT && strcmp(NAMES[i], name) != 0) {
        i++;
    }
    return (enum oc_verify_stack)i;
}

/* The path, not /proc/self/exe itself: it must still name us in a child that has lost /proc. */
static void find_self(struct oc_verify__stacks *stacks)
{
    ssize_t size = readlink("/proc/self/exe", stacks->self, sizeof(stacks->self) - 1);

    if (size <= 0) {
        size = snprintf(stacks->self, sizeof(stacks->self), "/proc/self/exe");
    }
    stacks->self[size] = '\0';
}

/* Places are relative to the folder of this program. */
static void find_program(const struct oc_verify__stacks *stacks, const char *given,
                         const char *const places[], const char *mend, char *path,
                         struct oc_verify_stack_status *status)
{
    const char *slash = strrchr(stacks->self, '/');
    int folder_size = slash == NULL ? 0 : (int)(slash - stacks->self);

    status->version[0] = '\0';
    if (given != NULL) {
        (void)snprintf(path, OC_VERIFY__PATH_BYTES, "%s", given);
        status->available = access(path, X_OK) == 0;
    } else {
        status->available = false;
        for (uint32_t i = 0; places[i] != NULL && !status->available; i++) {
            int size = snprintf(path, OC_VERIFY__PATH_BYTES, "%.*s/%s", folder_size, stacks->self,
                                places[i]);
            status->available = size < (int)OC_VERIFY__PATH_BYTES && access(path, X_OK) == 0;
        }
    }
    if (!status->available) {
        if (given != NULL) {
            (void)snprintf(status->why, sizeof(status->why), "%s is no program that can be run",
                           given);
        } else {
            (void)snprintf(status->why, sizeof(status->why),
                           "%s (looked for beside this program, as %s%s)", mend, places[0],
                           places[1] != NULL ? " and so on" : "");
        }
        return;
    }
    ask_version(path, status);
}

/* The first line of `PROGRAM --version`. */
static void ask_version(const char *path, struct oc_verify_stack_status *status)
{
    const char *const arguments[] = {path, "--version", NULL};

    oc_verify__child_first_line(arguments, status->version, sizeof(status->version));
    oc_verify__make_printable(status->version);
}

static void add(struct oc_verify__command *command, const char *word)
{
    OC_ASSERT(command->count < OC_VERIFY__ARGUMENTS_MAX - 1);
    command->words[command->count++] = word;
}

static void add_number(struct oc_verify__command *command, const char *name, uint64_t value)
{
    char *text = command->text + command->text_size;
    int size = snprintf(text, sizeof(command->text) - command->text_size, "%" PRIu64, value);

    add(command, name);
    add(command, text);
    command->text_size += (uint32_t)size + 1;
}

static void add_listen(struct oc_verify__command *command, const char *listen, const char *more)
{
    char *text = command->text + command->text_size;
    int size = snprintf(text, sizeof(command->text) - command->text_size, "%s%s", listen, more);

    add(command, text);
    command->text_size += (uint32_t)size + 1;
}
