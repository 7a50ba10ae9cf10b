/*
 * sandbox [OPTION...] PROGRAM [ARGUMENT...] - runs a program where io_uring is forbidden or scarce.
 *
 *   --deny CALL=WHAT   CALL is setup, enter, register or all (of io_uring); WHAT is EPERM, ENOSYS,
 *                      ENOMEM or EINVAL, which the call then answers, or kill or trap: SIGSYS ends
 *                      the program at the call, at once or by a signal. May be repeated; the first
 * that fits decides.
 *   --allow            a filter even if it forbids nothing
 *   --memlock KIB      the limit of locked memory
 *   --uid UID          as root: become this user and group, without other groups and capabilities
 *
 * The program is opened before the privileges are dropped, so it may lie in a folder that only root
 * enters. Its arguments, environment and descriptors are passed on. Exit status 125: the sandbox
 * itself could not be made, and stderr says why. It contains nothing: it is a test's way to meet
 * the refusals of containers and service managers without having one.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXIT_NO_SANDBOX  125
#define EXIT_USAGE       2
#define CALL_COUNT       3U
#define RULES_MAX        8U
#define INSTRUCTIONS_MAX (2U + 2U * CALL_COUNT * RULES_MAX)

struct named {
    const char *name;
    uint32_t value;
};

struct filter {
    struct sock_filter code[INSTRUCTIONS_MAX];
    unsigned short size;
    uint32_t rule_count;
};

static const struct named CALLS[CALL_COUNT] = {
    {"setup", __NR_io_uring_setup},
    {"enter", __NR_io_uring_enter},
    {"register", __NR_io_uring_register},
};

static const struct named ANSWERS[] = {
    {"EPERM", SECCOMP_RET_ERRNO | EPERM},   {"ENOSYS", SECCOMP_RET_ERRNO | ENOSYS},
    {"ENOMEM", SECCOMP_RET_ERRNO | ENOMEM}, {"EINVAL", SECCOMP_RET_ERRNO | EINVAL},
    {"kill", SECCOMP_RET_KILL_PROCESS},     {"trap", SECCOMP_RET_TRAP},
};

static void add_rule(struct filter *filter, const char *text);
static void install(struct filter *filter);
static void limit_memlock(const char *text);
static void drop_privileges(const char *text);
static uint32_t number(const char *text);
static _Noreturn void fail(const char *what);
static _Noreturn void fail_usage(const char *text);

int main(int argc, char **argv)
{
    static const struct option OPTIONS[] = {
        {"deny", required_argument, NULL, 'd'},
        {"allow", no_argument, NULL, 'a'},
        {"memlock", required_argument, NULL, 'm'},
        {"uid", required_argument, NULL, 'u'},
        {0},
    };
    /* The answer to a call depends on its number alone; the rules follow. */
    static struct filter filter = {
        .code = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))},
        .size = 1,
    };
    const char *memlock = NULL;
    const char *uid = NULL;
    bool installs = false;
    int option;

    while ((option = getopt_long(argc, argv, "+", OPTIONS, NULL)) != -1) {
        switch (option) {
        case 'd':
            add_rule(&filter, optarg);
            break;
        case 'a':
            installs = true;
            break;
        case 'm':
            memlock = optarg;
            break;
        case 'u':
            uid = optarg;
            break;
        default:
            return EXIT_USAGE;
        }
    }
    if (optind == argc) {
        fail_usage("a program is needed");
    }
    int program = open(argv[optind], O_PATH | O_CLOEXEC);
    if (program < 0) {
        fail(argv[optind]);
    }
    if (memlock != NULL) {
        limit_memlock(memlock);
    }
    if (uid != NULL && geteuid() == 0) {
        drop_privileges(uid);
    }
    if (installs || filter.rule_count > 0) {
        install(&filter);
    }
    fexecve(program, argv + optind, environ);
    fail(argv[optind]);
}

/** The value of a name of exactly @size characters, or UINT32_MAX. */
static uint32_t value_of(const struct named *list, size_t count, const char *name, size_t size)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(list[i].name) == size && memcmp(list[i].name, name, size) == 0) {
            return list[i].value;
        }
    }
    return UINT32_MAX;
}

/** Two instructions for each call that the rule means: is it this one? then answer that. */
static void add_rule(struct filter *filter, const char *text)
{
    size_t size = strcspn(text, "=");
    const char *answer_name = text[size] == '=' ? text + size + 1 : "";
    int is_all = size == 3 && memcmp(text, "all", 3) == 0;
    uint32_t wanted = value_of(CALLS, CALL_COUNT, text, size);
    uint32_t answer = value_of(ANSWERS, sizeof(ANSWERS) / sizeof(ANSWERS[0]), answer_name,
                               strlen(answer_name));

    if (answer == UINT32_MAX || (wanted == UINT32_MAX && !is_all) ||
        filter->rule_count == RULES_MAX) {
        fail_usage(text);
    }
    filter->rule_count++;
    for (size_t i = 0; i < CALL_COUNT; i++) {
        if (is_all || CALLS[i].value == wanted) {
            filter->code[filter->size++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                                                                        CALLS[i].value, 0, 1);
            filter->code[filter->size++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, answer);
        }
    }
}

static void install(struct filter *filter)
{
    struct sock_fprog program = {.filter = filter->code};

    filter->code[filter->size++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    program.len = filter->size;
    /* Without CAP_SYS_ADMIN the kernel takes a filter only from those who renounce new privileges.
     */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0) {
        fail("PR_SET_NO_NEW_PRIVS");
    }
    if (prctl(PR_SET_SECCOMP, (long)SECCOMP_MODE_FILTER, &program, 0L, 0L) != 0) {
        fail("PR_SET_SECCOMP");
    }
}

static void limit_memlock(const char *text)
{
    rlim_t bytes = (rlim_t)number(text) * 1024;
    struct rlimit limit = {.rlim_cur = bytes, .rlim_max = bytes};

    if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0) {
        fail("RLIMIT_MEMLOCK");
    }
}

static void drop_privileges(const char *text)
{
    uid_t uid = number(text);

    if (setgroups(0, NULL) != 0 || setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0) {
        fail("uid");
    }
}

static uint32_t number(const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (end == text || *end != '\0' || value == 0 || value >= UINT32_MAX) {
        fail_usage(text);
    }
    return (uint32_t)value;
}

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "sandbox: %s: %s\n", what, strerror(errno));
    exit(EXIT_NO_SANDBOX);
}

static _Noreturn void fail_usage(const char *text)
{
    fprintf(stderr, "sandbox: \"%s\" is not understood; the head of sandbox.c says what is\n",
            text);
    exit(EXIT_USAGE);
}
