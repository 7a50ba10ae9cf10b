/*
 * Reading /proc and the CPU clocks of processes.
 */
#include "verify/meters.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "verify/clock.h"

/* /proc/net/netstat has about 8 KiB, /proc/stat of a large machine its CPUs' lines first. */
#define FILE_BYTES 32768U

static bool read_number(const char **text, uint64_t *value);
static bool read_file(const char *path, char *text, size_t size);
static uint64_t read_switches(pid_t pid);
static uint64_t count_entries(const char *path);

void oc_verify__meters_read(pid_t pid, struct oc_verify__meters *meters)
{
    char text[FILE_BYTES];
    uint64_t tick_ns = 1000000000U / (uint64_t)sysconf(_SC_CLK_TCK);
    uint64_t idle = 0;
    uint64_t steal = 0;
    clockid_t clock;

    *meters = (struct oc_verify__meters){0};
    meters->switches = read_switches(pid);
    if (read_file("/proc/stat", text, sizeof(text)) && oc_verify__parse_stat(text, &idle, &steal)) {
        meters->idle_ns = idle * tick_ns;
        meters->steal_ns = steal * tick_ns;
    }
    if (clock_getcpuclockid(pid, &clock) == 0) {
        meters->server_cpu_ns = oc_verify__clock_of(clock);
    }
    meters->client_cpu_ns = oc_verify__clock_of(CLOCK_PROCESS_CPUTIME_ID);
    meters->now_ns = oc_verify__clock_ns();
    meters->machine_ns = meters->now_ns * oc_verify__cpu_count();
    meters->here_machine_ns = meters->machine_ns;
    meters->here_steal_ns = meters->steal_ns;
}

void oc_verify__tcp_read(uint64_t *drops, uint64_t *retransmits)
{
    char text[FILE_BYTES];
    uint64_t overflows = 0;

    *drops = 0;
    *retransmits = 0;
    if (read_file("/proc/net/netstat", text, sizeof(text))) {
        (void)oc_verify__parse_netstat(text, "TcpExt", "ListenOverflows", &overflows);
        (void)oc_verify__parse_netstat(text, "TcpExt", "ListenDrops", drops);
        /* Every overflow is counted as a drop too, but a kernel may not have the latter. */
        *drops = *drops > overflows ? *drops : overflows;
    }
    if (read_file("/proc/net/snmp", text, sizeof(text))) {
        (void)oc_verify__parse_netstat(text, "Tcp", "RetransSegs", retransmits);
    }
}

uint64_t oc_verify__resident_bytes(pid_t pid)
{
    char path[64];
    char text[FILE_BYTES];
    uint64_t kib = 0;

    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    if (read_file(path, text, sizeof(text))) {
        (void)oc_verify__parse_field(text, "VmRSS", &kib);
    }
    return kib * 1024U;
}

uint32_t oc_verify__descriptor_count(pid_t pid)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    return (uint32_t)count_entries(path);
}

uint32_t oc_verify__cpu_count(void)
{
    return (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
}

bool oc_verify__parse_stat(const char *text, uint64_t *idle, uint64_t *steal)
{
    /* user nice system idle iowait irq softirq steal */
    uint64_t values[8];

    /* The line of all CPUs, not that of CPU 0. */
    if (strncmp(text, "cpu ", 4) != 0) {
        return false;
    }
    text += 4;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        if (!read_number(&text, &values[i])) {
            return false;
        }
    }
    *idle = values[3] + values[4];
    *steal = values[7];
    return true;
}

bool oc_verify__parse_field(const char *text, const char *name, uint64_t *value)
{
    size_t size = strlen(name);

    for (const char *line = text; line != NULL && *line != '\0';) {
        if (strncmp(line, name, size) == 0 && line[size] == ':') {
            line += size + 1;
            return read_number(&line, value);
        }
        line = strchr(line, '\n');
        line = line == NULL ? NULL : line + 1;
    }
    return false;
}

bool oc_verify__parse_netstat(const char *text, const char *group, const char *name,
                              uint64_t *value)
{
    size_t size = strlen(group);
    const char *names = NULL;
    const char *values = NULL;

    for (const char *line = text; line != NULL && *line != '\0' && values == NULL;) {
        if (strncmp(line, group, size) == 0 && line[size] == ':') {
            if (names == NULL) {
                names = line + size + 1;
            } else {
                values = line + size + 1;
            }
        }
        line = strchr(line, '\n');
        line = line == NULL ? NULL : line + 1;
    }
    while (values != NULL && *names == ' ' && *values == ' ') {
        size_t name_size = strcspn(++names, " \n");
        values++;
        if (name_size == strlen(name) && strncmp(names, name, name_size) == 0) {
            return read_number(&values, value);
        }
        names += name_size;
        values += strcspn(values, " \n");
    }
    return false;
}

/* The next number of this line, behind blanks; *text moves behind it. */
static bool read_number(const char **text, uint64_t *value)
{
    char *end;

    *text += strspn(*text, " \t");
    if (**text < '0' || **text > '9') {
        return false;
    }
    *value = strtoull(*text, &end, 10);
    *text = end;
    return true;
}

static bool read_file(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t used = 0;
    ssize_t got;

    if (fd < 0) {
        return false;
    }
    do {
        got = read(fd, text + used, size - 1 - used);
        used += got > 0 ? (size_t)got : 0;
    } while (got > 0 && used < size - 1);
    (void)close(fd);
    text[used] = '\0';
    return used > 0;
}

/* Of the tasks that live: one that ended takes its count with it. */
static uint64_t read_switches(pid_t pid)
{
    char path[320];
    char text[FILE_BYTES];
    uint64_t sum = 0;
    struct dirent *entry;
    DIR *folder;

    (void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    folder = opendir(path);
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        uint64_t voluntary = 0;
        uint64_t forced = 0;
        (void)snprintf(path, sizeof(path), "/proc/%d/task/%s/status", (int)pid, entry->d_name);
        if (entry->d_name[0] != '.' && read_file(path, text, sizeof(text))) {
            (void)oc_verify__parse_field(text, "voluntary_ctxt_switches", &voluntary);
            (void)oc_verify__parse_field(text, "nonvoluntary_ctxt_switches", &forced);
        }
        sum += voluntary + forced;
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    return sum;
}

static uint64_t count_entries(const char *path)
{
    uint64_t count = 0;
    struct dirent *entry;
    DIR *folder = opendir(path);

    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        count += entry->d_name[0] != '.';
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    return count;
}
