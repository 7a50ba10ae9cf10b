/*
 * The flight recorder's other end: text out of the ring; see flight.h.
 *
 * It runs in signal handlers and after failed assertions: no stdio, no allocation, no lock, and
 * nothing that could assert.
 */
#include "io/flight.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "io/base.h"

_Static_assert((int)OC_IO_FLIGHT_ACCEPTED == (int)OC_IO_ACCEPTED, "events keep their numbers");
_Static_assert((int)OC_IO_FLIGHT_RECEIVED == (int)OC_IO_RECEIVED, "events keep their numbers");
_Static_assert((int)OC_IO_FLIGHT_WOKEN == (int)OC_IO_WOKEN, "events keep their numbers");

struct out {
    int fd;
    uint32_t size;
    bool failed;
    char bytes[4096];
};

static const struct {
    const char *text;
    const char *number; /* what `result` means; empty: nothing */
} KINDS[OC_IO_FLIGHT_KINDS] = {
#define KIND(name, text, number) [OC_IO_FLIGHT_##name] = {text, number},
    OC_IO_FLIGHT_MAP(KIND)
#undef KIND
};

/* A signal handler has nothing to find its instances with. Slots are taken and given back by start
 * and shutdown of any thread; each holds an instance that is complete before it is seen (release),
 * and is read by whoever dumps (acquire). */
static const struct oc_io *_Atomic instances[OC_IO_FLIGHT_INSTANCES_MAX];

static void put_text(struct out *out, const char *text);
static void put_number(struct out *out, uint64_t number, uint32_t digits);
static void put_entry(struct out *out, const struct oc_io_flight_entry *entry, uint64_t now_ns);
static void flush(struct out *out);

void oc_io__flight_enter(const struct oc_io *io)
{
    for (uint32_t i = 0; i < OC_IO_FLIGHT_INSTANCES_MAX; i++) {
        const struct oc_io *none = NULL;
        if (atomic_compare_exchange_strong_explicit(&instances[i], &none, io, memory_order_release,
                                                    memory_order_relaxed)) {
            return;
        }
    }
}

void oc_io__flight_leave(const struct oc_io *io)
{
    for (uint32_t i = 0; i < OC_IO_FLIGHT_INSTANCES_MAX; i++) {
        const struct oc_io *own = io;
        if (atomic_compare_exchange_strong_explicit(&instances[i], &own, NULL, memory_order_release,
                                                    memory_order_relaxed)) {
            return;
        }
    }
}

void oc_io_flight_dump(const struct oc_io *io, int fd)
{
    const struct oc_io__base *base = oc_io__base_of_const(io);
    struct out out = {.fd = fd};
    int saved_errno = errno;
    uint64_t end = base->flight_count;
    uint64_t kept = end < OC_IO_FLIGHT_COUNT ? end : OC_IO_FLIGHT_COUNT;

    put_text(&out, "io flight recorder of ");
    put_text(&out, io->ops->name);
    put_text(&out, ", thread ");
    put_number(&out, base->thread_id, 1);
    put_text(&out, ": ");
    put_number(&out, kept, 1);
    put_text(&out, " of ");
    put_number(&out, end, 1);
    put_text(&out, " operations, times before the last poll at ");
    put_number(&out, base->now_ns / 1000000000ULL, 1);
    put_text(&out, ".");
    put_number(&out, base->now_ns % 1000000000ULL, 9);
    put_text(&out, " s\n");
    for (uint64_t i = end - kept; i < end; i++) {
        put_entry(&out, &base->flight[i % OC_IO_FLIGHT_COUNT], base->now_ns);
    }
    flush(&out);
    errno = saved_errno;
}

void oc_io_flight_dump_all(int fd)
{
    for (uint32_t i = 0; i < OC_IO_FLIGHT_INSTANCES_MAX; i++) {
        const struct oc_io *io = atomic_load_explicit(&instances[i], memory_order_acquire);
        if (io != NULL) {
            oc_io_flight_dump(io, fd);
        }
    }
}

void oc_io_flight_on_assert(void)
{
    oc_io_flight_dump_all(STDERR_FILENO);
}

/** "  -0.000123456 s  conn 3.1  received 64 bytes" */
static void put_entry(struct out *out, const struct oc_io_flight_entry *entry, uint64_t now_ns)
{
    uint64_t age_ns = now_ns - entry->now_ns;
    uint32_t kind = entry->kind < OC_IO_FLIGHT_KINDS ? entry->kind : OC_IO_FLIGHT_NONE;

    put_text(out, "  -");
    put_number(out, age_ns / 1000000000ULL, 1);
    put_text(out, ".");
    put_number(out, age_ns % 1000000000ULL, 9);
    put_text(out, " s  ");
    if (entry->conn.generation != 0) {
        put_text(out, "conn ");
        put_number(out, entry->conn.index, 1);
        put_text(out, ".");
        put_number(out, entry->conn.generation, 1);
        put_text(out, "  ");
    }
    put_text(out, KINDS[kind].text);
    if (KINDS[kind].number[0] != '\0') {
        put_text(out, entry->result < 0 ? " -" : " ");
        int64_t result = entry->result;
        put_number(out, (uint64_t)(result < 0 ? -result : result), 1);
        put_text(out, " ");
        put_text(out, KINDS[kind].number);
    }
    put_text(out, "\n");
}

static void put_text(struct out *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (out->size == sizeof(out->bytes)) {
            flush(out);
        }
        out->bytes[out->size++] = *text;
    }
}

/** With zeros in front up to so many digits. */
static void put_number(struct out *out, uint64_t number, uint32_t digits)
{
    char text[24];
    char *at = text + sizeof(text);

    *--at = '\0';
    for (uint32_t count = 0; number > 0 || count < digits; count++) {
        *--at = (char)('0' + number % 10);
        number /= 10;
    }
    put_text(out, at);
}

static void flush(struct out *out)
{
    uint32_t done = 0;

    while (done < out->size && !out->failed) {
        ssize_t written = write(out->fd, out->bytes + done, out->size - done);
        if (written > 0) {
            done += (uint32_t)written;
        } else if (written == 0 || errno != EINTR) {
            out->failed = true;
        }
    }
    out->size = 0;
}
