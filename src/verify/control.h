/*
 * The control connection between a verification and an agent: JSON objects, one a line.
 *
 * A request is {"do": NAME, ...}; its reply {"ok": true, ...} or {"ok": false, "why": TEXT}. What
 * the peer sends is believed in nothing: lines have a largest size, waits an end, members a type
 * and a range. It is neither encrypted nor authenticated.
 */
#ifndef OC_VERIFY_CONTROL_H
#define OC_VERIFY_CONTROL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Of the requests and replies; another number is refused. */
#define OC_VERIFY__CONTROL_PROTOCOL 2
/** The longest line; that of a host's description has about 6 KiB. */
#define OC_VERIFY__CONTROL_BYTES 32768U

struct oc_verify__control {
    int fd; /* -1: closed */
    size_t size;
    char bytes[OC_VERIFY__CONTROL_BYTES]; /* received and not taken yet */
};

/** Takes over a connected socket: non-blocking, no delay, and a peer that vanished is noticed
 * within 20 s. */
void oc_verify__control_init(struct oc_verify__control *control, int fd);

/** Closes it. Harmless when it is closed. */
void oc_verify__control_close(struct oc_verify__control *control);

/** Sends an object, which is taken over (NULL: -ENOMEM). 0 or -errno; -ETIMEDOUT after 5 s. */
int oc_verify__control_send(struct oc_verify__control *control, json_t *message);

/**
 * Waits for an object, at most timeout_ns. Returns it (the caller's), or NULL with the reason in
 * `why`: the peer closed, it is late, or what came is no line of JSON.
 */
json_t *oc_verify__control_receive(struct oc_verify__control *control, uint64_t timeout_ns,
                                   char *why, size_t why_size);

/** Whether a whole line is here already. */
bool oc_verify__control_has_line(const struct oc_verify__control *control);

/** A member that is a whole number from 0 to max. False: it is none. */
bool oc_verify__control_number(const json_t *message, const char *name, uint64_t max,
                               uint64_t *value);

/** A member that is a text, made printable and cut to `size`. False: it is none. */
bool oc_verify__control_text(const json_t *message, const char *name, char *text, size_t size);

/** A member that is a real number or null, which is NaN. False: it is neither. */
bool oc_verify__control_real(const json_t *message, const char *name, double *value);

/** The other way: null for NaN and infinities. */
json_t *oc_verify__control_real_json(double value);

#endif
