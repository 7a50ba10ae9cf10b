/*
 * Starting and ending server processes.
 */
#define _GNU_SOURCE /* pipe2 */
#include "verify/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "verify/await.h"
#include "verify/clock.h"
#include "verify/process.h"

#define START_NS 10000000000ULL
#define LINE_NS  1000000000ULL
#define STOP_NS  3000000000ULL
#define ANY_CPU  (-1)

static int launch(struct oc_verify__child *child, const char *const argv[], int cpu,
                  char why[OC_VERIFY__WHY_BYTES]);
static void run_server(const char *const argv[], int cpu, int log_fd) __attribute__((noreturn));
static int await_address(struct oc_verify__child *child, char why[OC_VERIFY__WHY_BYTES]);
static bool read_log(struct oc_verify__child *child);
static void explain(const struct oc_verify__child *child, const char *what,
                    char why[OC_VERIFY__WHY_BYTES]);
static bool reap(pid_t pid, uint64_t deadline_ns);

int oc_verify__child_start(struct oc_verify__child *child, const char *const argv[], int cpu,
                           char why[OC_VERIFY__WHY_BYTES])
{
    if (launch(child, argv, cpu, why) < 0) {
        return -1;
    }
    if (await_address(child, why) < 0) {
        oc_verify__child_stop(child);
        return -1;
    }
    return 0;
}

void oc_verify__child_first_line(const char *const argv[], char *line, size_t size)
{
    struct oc_verify__child *child = calloc(1, sizeof(*child));
    char why[OC_VERIFY__WHY_BYTES];
    uint64_t deadline_ns = oc_verify__clock_ns() + STOP_NS;

    line[0] = '\0';
    if (child != NULL && launch(child, argv, ANY_CPU, why) == 0) {
        while (oc_verify__await(child->log_fd, POLLIN, deadline_ns) && read_log(child)) {
            ;
        }
        (void)snprintf(line, size, "%.*s", (int)strcspn(child->log, "\n"), child->log);
        oc_verify__child_stop(child);
    }
    free(child);
}

bool oc_verify__child_counters(struct oc_verify__child *child, struct oc_verify_counters *counters)
{
    uint64_t deadline_ns = oc_verify__clock_ns() + LINE_NS;

    (void)read_log(child);
    child->log_size = 0;
    child->log[0] = '\0';
    if (kill(child->pid, SIGUSR2) < 0) {
        return false;
    }
    while (oc_verify__await(child->log_fd, POLLIN, deadline_ns) && read_log(child)) {
        if (oc_verify_counters_find(child->log, counters)) {
            return true;
        }
    }
    return false;
}

void oc_verify__child_stop(struct oc_verify__child *child)
{
    if (child->pid > 0) {
        /* One that a test stopped must run to hear of its end. */
        (void)kill(child->pid, SIGCONT);
        (void)kill(child->pid, SIGTERM);
        if (!reap(child->pid, oc_verify__clock_ns() + STOP_NS)) {
            (void)kill(child->pid, SIGKILL);
            (void)waitpid(child->pid, NULL, 0);
        }
    }
    if (child->log_fd >= 0) {
        while (read_log(child)) {
            ;
        }
        (void)close(child->log_fd);
    }
    child->pid = 0;
    child->log_fd = -1;
}

bool oc_verify__child_find_address(const char *text, char *address, size_t size)
{
    static const char MARK[] = "listening on ";
    const char *found = strstr(text, MARK);
    size_t length;

    if (found == NULL) {
        return false;
    }
    found += sizeof(MARK) - 1;
    length = strcspn(found, " ,\n");
    /* Without what ends it the address may be cut off. */
    if (found[length] == '\0' || length == 0 || length >= size) {
        return false;
    }
    memcpy(address, found, length);
    address[length] = '\0';
    return true;
}

static int launch(struct oc_verify__child *child, const char *const argv[], int cpu,
                  char why[OC_VERIFY__WHY_BYTES])
{
    int log_pipe[2];

    *child = (struct oc_verify__child){.log_fd = -1};
    if (pipe2(log_pipe, O_CLOEXEC) < 0) {
        (void)snprintf(why, OC_VERIFY__WHY_BYTES, "pipe: %s", strerror(errno));
        return -1;
    }
    child->pid = fork();
    if (child->pid == 0) {
        run_server(argv, cpu, log_pipe[1]);
    }
    (void)close(log_pipe[1]);
    if (child->pid < 0) {
        (void)snprintf(why, OC_VERIFY__WHY_BYTES, "fork: %s", strerror(errno));
        (void)close(log_pipe[0]);
        child->pid = 0;
        return -1;
    }
    child->log_fd = log_pipe[0];
    (void)fcntl(child->log_fd, F_SETFL, O_NONBLOCK);
    return 0;
}

static void run_server(const char *const argv[], int cpu, int log_fd)
{
    char **arguments;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* A Ctrl-C is for the verification alone, which ends the run that it is in: a server that went
     * with it would fail that run. */
    (void)setpgid(0, 0);
    /* The default of Linux: what the load generator set for itself must not be inherited. */
    (void)prctl(PR_SET_TIMERSLACK, 50000UL);
    if (cpu != ANY_CPU) {
        oc_verify__process_pin(cpu);
    }
    (void)dup2(log_fd, STDERR_FILENO);
    (void)dup2(log_fd, STDOUT_FILENO);
    memcpy(&arguments, &argv, sizeof(arguments));
    (void)execv(argv[0], arguments);
    (void)dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

static int await_address(struct oc_verify__child *child, char why[OC_VERIFY__WHY_BYTES])
{
    uint64_t deadline_ns = oc_verify__clock_ns() + START_NS;
    char address[OC_IO_ADDRESS_TEXT_BYTES];
    char error[OC_IO_SOCKET_ERROR_BYTES];

    while (oc_verify__await(child->log_fd, POLLIN, deadline_ns)) {
        if (!read_log(child)) {
            explain(child, "ended before it listened", why);
            return -1;
        }
        if (oc_verify__child_find_address(child->log, address, sizeof(address))) {
            if (oc_io_address_parse(address, &child->address, error) == 0) {
                return 0;
            }
            explain(child, "an address that cannot be read", why);
            return -1;
        }
    }
    explain(child, "does not listen after 10 s", why);
    return -1;
}

/* Takes what is there. False at the end of it, or when there is nothing just now. */
static bool read_log(struct oc_verify__child *child)
{
    const size_t capacity = sizeof(child->log) - 1;
    ssize_t size;

    if (child->log_size == capacity) {
        child->log_size = (uint32_t)(capacity / 2);
        memmove(child->log, child->log + capacity - child->log_size, child->log_size);
    }
    size = read(child->log_fd, child->log + child->log_size, capacity - child->log_size);
    if (size <= 0) {
        return false;
    }
    child->log_size += (uint32_t)size;
    child->log[child->log_size] = '\0';
    return true;
}

/* The last line that it said is the best reason there is. */
static void explain(const struct oc_verify__child *child, const char *what,
                    char why[OC_VERIFY__WHY_BYTES])
{
    size_t end = child->log_size;
    size_t begin;

    while (end > 0 && child->log[end - 1] == '\n') {
        end--;
    }
    begin = end;
    while (begin > 0 && child->log[begin - 1] != '\n') {
        begin--;
    }
    (void)snprintf(why, OC_VERIFY__WHY_BYTES, "%s: %.*s", what, (int)(end - begin),
                   child->log + begin);
}

static bool reap(pid_t pid, uint64_t deadline_ns)
{
    const struct timespec pause = {.tv_nsec = 1000000};

    for (;;) {
        pid_t ended = waitpid(pid, NULL, WNOHANG);
        if (ended == pid || (ended < 0 && errno == ECHILD)) {
            return true;
        }
        if (oc_verify__clock_ns() >= deadline_ns) {
            return false;
        }
        (void)nanosleep(&pause, NULL);
    }
}
