/*
 * The closed lists of words of the protocol, each with its index as its meaning: written by one
 * side, read by the other, printed in docs/protocol.md.
 *
 * Reasons are not here: their list is core/reason.h.
 */
#ifndef OC_WIRE_WORDS_H
#define OC_WIRE_WORDS_H

#include "core/command.h"
#include "core/types.h"
#include "wire/json.h"

#define OC_WIRE__WORD_BYTES_MAX 15

struct oc_wire__word {
    uint8_t size;
    char bytes[OC_WIRE__WORD_BYTES_MAX];
};

struct oc_wire__words {
    const struct oc_wire__word *words;
    uint32_t count;
};

#define OC_WIRE__NO_WORD UINT32_MAX

extern const struct oc_wire__words oc_wire__sides; /* by enum oc_side */
/* The first two by enum oc_time_in_force; the others are not built yet. */
extern const struct oc_wire__words oc_wire__times_in_force;
extern const struct oc_wire__words oc_wire__order_kinds;      /* not built but for the first */
extern const struct oc_wire__words oc_wire__self_trade_modes; /* not built but for the first */
extern const struct oc_wire__words oc_wire__switches;         /* off 0, on 1 */
extern const struct oc_wire__words oc_wire__liquidities;      /* maker 0, taker 1 */

/**
 * Names of requests, for `type` and for `request` of a reject, by oc_wire__request_index().
 */
extern const struct oc_wire__words oc_wire__requests;

/** The command kind that stands for the request at this index. */
extern const uint8_t oc_wire__request_kinds[];

/**
 * The index of a client's command kind in oc_wire__requests. SESSION_SET and PING are one request,
 * "session". OC_WIRE__NO_WORD: a client cannot send this kind.
 */
uint32_t oc_wire__request_index(uint8_t kind);

/** The index of the word that `text` means, or OC_WIRE__NO_WORD. */
uint32_t oc_wire__find_word(const struct oc_wire__words *words, const struct oc_wire__text *text);

#endif
