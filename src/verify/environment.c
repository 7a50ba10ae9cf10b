/*
 * Reading what the host says about itself under /proc and /sys.
 */
#define _GNU_SOURCE /* sched_getaffinity */
#include "verify/environment.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "core/version.h"
#include "io/probe.h"
#include "verify/meters.h"

#define WATCH_NS 200000000L

static void read_line(const char *path, char *text, size_t size);
static void read_cpu(struct oc_verify_environment *environment);
static void read_mitigations(char *text, size_t size);
static void read_time(char text[32]);
static void watch(struct oc_verify_environment *environment);

void oc_verify__environment_begin(struct oc_verify_environment *environment)
{
    struct utsname name;
    struct oc_io_probe_report report;
    char reason[OC_IO_REASON_BYTES];
    cpu_set_t set;

    *environment = (struct oc_verify_environment){0};
    if (uname(&name) == 0) {
        (void)snprintf(environment->kernel, sizeof(environment->kernel), "%s %s %s %s",
                       name.sysname, name.release, name.version, name.machine);
    }
    read_cpu(environment);
    environment->cpus_online = oc_verify__cpu_count();
    if (sched_getaffinity(0, sizeof(set), &set) == 0) {
        environment->cpus_allowed = (uint32_t)CPU_COUNT(&set);
    }
    environment->memory_bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    read_mitigations(environment->mitigations, sizeof(environment->mitigations));
    read_line("/proc/sys/kernel/random/boot_id", environment->boot_id,
              sizeof(environment->boot_id));
    read_line("/sys/class/dmi/id/sys_vendor", environment->hypervisor,
              sizeof(environment->hypervisor));
    read_line("/sys/devices/system/clocksource/clocksource0/current_clocksource",
              environment->clock_source, sizeof(environment->clock_source));
    read_line("/proc/sys/net/ipv4/tcp_congestion_control", environment->congestion_control,
              sizeof(environment->congestion_control));
    read_line("/sys/devices/system/cpu/cpuidle/current_governor", environment->idle_governor,
              sizeof(environment->idle_governor));
    read_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
              environment->frequency_governor, sizeof(environment->frequency_governor));
    (void)oc_io_choose(OC_IO_MODE_URING, &report, reason, sizeof(reason));
    (void)snprintf(environment->io_uring, sizeof(environment->io_uring), "%.255s", reason);
    (void)snprintf(environment->version, sizeof(environment->version), "outcry %s (%s)", OC_VERSION,
                   OC_GIT_REVISION);
    (void)snprintf(environment->compiler, sizeof(environment->compiler), "%s", __VERSION__);
    (void)getloadavg(environment->load_before, 3);
    read_time(environment->time_begin);
    watch(environment);
}

void oc_verify__environment_end(struct oc_verify_environment *environment)
{
    (void)getloadavg(environment->load_after, 3);
    read_time(environment->time_end);
}

void oc_verify__parts_begin(struct oc_verify_parts *parts, const struct oc_verify_environment *here,
                            const struct oc_verify_environment *there)
{
    const uint32_t at = parts->count < OC_VERIFY_PARTS_MAX ? parts->count++ : parts->count - 1;

    (void)snprintf(parts->of[at].time_begin, sizeof(parts->of[at].time_begin), "%s",
                   here->time_begin);
    parts->of[at].busy_share = here->busy_share;
    if (there != NULL && there->busy_share > here->busy_share) {
        parts->of[at].busy_share = there->busy_share;
    }
}

void oc_verify__make_printable(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < ' ' || *text > '~') {
            *text = '?';
        }
    }
}

static void read_line(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "re");

    text[0] = '\0';
    if (file == NULL) {
        return;
    }
    if (fgets(text, (int)size, file) != NULL) {
        text[strcspn(text, "\n")] = '\0';
        oc_verify__make_printable(text);
    }
    (void)fclose(file);
}

static void read_cpu(struct oc_verify_environment *environment)
{
    char line[OC_VERIFY_TEXT_BYTES];
    FILE *file = fopen("/proc/cpuinfo", "re");

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon != NULL) {
            (void)snprintf(environment->cpu, sizeof(environment->cpu), "%.*s",
                           (int)strcspn(colon + 2, "\n"), colon + 2);
            oc_verify__make_printable(environment->cpu);
            break;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

static void read_mitigations(char *text, size_t size)
{
    static const char FOLDER[] = "/sys/devices/system/cpu/vulnerabilities";
    DIR *folder = opendir(FOLDER);
    struct dirent *entry;
    size_t used = 0;

    text[0] = '\0';
    while (folder != NULL && (entry = readdir(folder)) != NULL && used < size) {
        char path[sizeof(FOLDER) + sizeof(entry->d_name)];
        char state[OC_VERIFY_TEXT_BYTES];
        (void)snprintf(path, sizeof(path), "%s/%s", FOLDER, entry->d_name);
        if (entry->d_name[0] == '.') {
            continue;
        }
        read_line(path, state, sizeof(state));
        if (state[0] != '\0' && strcmp(state, "Not affected") != 0) {
            int added = snprintf(text + used, size - used, "%s%s: %s", used > 0 ? "; " : "",
                                 entry->d_name, state);
            used += added > 0 ? (size_t)added : 0;
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
}

static void read_time(char text[32])
{
    struct tm parts;
    time_t now = time(NULL);

    text[0] = '\0';
    if (gmtime_r(&now, &parts) != NULL) {
        (void)strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &parts);
    }
}

/* What the machine does by itself disturbs every figure, so it is one of them. */
static void watch(struct oc_verify_environment *environment)
{
    const struct timespec pause = {.tv_nsec = WATCH_NS};
    struct oc_verify__meters before;
    struct oc_verify__meters after;
    double machine_ns;

    oc_verify__meters_read(getpid(), &before);
    (void)nanosleep(&pause, NULL);
    oc_verify__meters_read(getpid(), &after);
    machine_ns = (double)(after.now_ns - before.now_ns) * environment->cpus_online;
    environment->busy_share = 1.0 - (double)(after.idle_ns - before.idle_ns) / machine_ns;
    if (environment->busy_share < 0.0) {
        environment->busy_share = 0.0;
    }
}
