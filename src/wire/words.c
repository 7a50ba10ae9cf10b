/*
 * The lists of words of the protocol, and the search in them.
 */
#include "wire/words.h"

#define WORD(text)                                  \
    {                                               \
        .size = sizeof(text) - 1, .bytes = { text } \
    }
#define WORDS(array)                                                \
    {                                                               \
        .words = (array), .count = sizeof(array) / sizeof(*(array)) \
    }

static const struct oc_wire__word SIDES[] = {
    [OC_BUY] = WORD("Buy"),
    [OC_SELL] = WORD("Sell"),
};
static const struct oc_wire__word TIMES_IN_FORCE[] = {
    [OC_GOOD_TILL_CANCEL] = WORD("GTC"),
    [OC_IMMEDIATE_OR_CANCEL] = WORD("IOC"),
    WORD("FOK"),
    WORD("DAY"),
    WORD("GTD"),
};
static const struct oc_wire__word ORDER_KINDS[] = {
    WORD("Limit"),
    WORD("Market"),
    WORD("Stop"),
    WORD("StopLimit"),
};
static const struct oc_wire__word SELF_TRADE_MODES[] = {
    WORD("None"), WORD("CancelNewest"), WORD("CancelOldest"), WORD("CancelBoth"), WORD("Decrement"),
};
static const struct oc_wire__word SWITCHES[] = {WORD("off"), WORD("on")};
static const struct oc_wire__word LIQUIDITIES[] = {WORD("maker"), WORD("taker")};

static const struct oc_wire__word REQUESTS[] = {
    WORD("new"),         WORD("cancel"), WORD("replace"), WORD("mass_cancel"),
    WORD("open_orders"), WORD("book"),   WORD("session"),
};
const uint8_t oc_wire__request_kinds[] = {
    OC_COMMAND_NEW,         OC_COMMAND_CANCEL, OC_COMMAND_REPLACE,     OC_COMMAND_MASS_CANCEL,
    OC_COMMAND_OPEN_ORDERS, OC_COMMAND_BOOK,   OC_COMMAND_SESSION_SET,
};
_Static_assert(sizeof(oc_wire__request_kinds) == sizeof(REQUESTS) / sizeof(*REQUESTS),
               "each name of a request has its kind");

const struct oc_wire__words oc_wire__sides = WORDS(SIDES);
const struct oc_wire__words oc_wire__times_in_force = WORDS(TIMES_IN_FORCE);
const struct oc_wire__words oc_wire__order_kinds = WORDS(ORDER_KINDS);
const struct oc_wire__words oc_wire__self_trade_modes = WORDS(SELF_TRADE_MODES);
const struct oc_wire__words oc_wire__switches = WORDS(SWITCHES);
const struct oc_wire__words oc_wire__liquidities = WORDS(LIQUIDITIES);
const struct oc_wire__words oc_wire__requests = WORDS(REQUESTS);

uint32_t oc_wire__request_index(uint8_t kind)
{
    if (kind == OC_COMMAND_PING) {
        kind = OC_COMMAND_SESSION_SET;
    }
    for (uint32_t index = 0; index < sizeof(oc_wire__request_kinds); index++) {
        if (oc_wire__request_kinds[index] == kind) {
            return index;
        }
    }
    return OC_WIRE__NO_WORD;
}

uint32_t oc_wire__find_word(const struct oc_wire__words *words, const struct oc_wire__text *text)
{
    uint8_t meant[OC_WIRE__WORD_BYTES_MAX];
    const uint8_t *bytes = text->bytes;
    size_t size = text->size;
    bool whole = true;

    if (!text->plain) {
        size = oc_wire__unescape(text, meant, sizeof(meant), &whole);
        bytes = meant;
    }
    for (uint32_t index = 0; whole && index < words->count; index++) {
        if (words->words[index].size == size &&
            memcmp(words->words[index].bytes, bytes, size) == 0) {
            return index;
        }
    }
    return OC_WIRE__NO_WORD;
}
