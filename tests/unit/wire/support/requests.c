/*
 * The generator of requests: first the members as name and value, then their order and their
 * spelling.
 */
#include "support/requests.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/assert.h"
#include "core/limits.h"

#define MEMBERS_MAX 32U

/* A member's value is JSON already; a name is still to be spelt. */
struct member {
    char name[32];
    char value[512];
};

struct members {
    uint32_t count;
    struct member members[MEMBERS_MAX];
};

static bool chance(struct oc_random *random, uint32_t one_in)
{
    return oc_random_below(random, one_in) == 0;
}

static void put(struct requests_text *text, const char *bytes, size_t size)
{
    OC_ASSERT(text->size + size <= sizeof(text->bytes));
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
}

static void put_string(struct requests_text *text, const char *string)
{
    put(text, string, strlen(string));
}

static void put_space(struct oc_random *random, struct requests_text *text)
{
    while (chance(random, 12)) {
        put(text, &" \t\r\n"[oc_random_below(random, 4)], 1);
    }
}

/* One UTF-16 unit as an escape, its digits in either case. */
static void put_unit(struct oc_random *random, struct requests_text *text, uint32_t unit)
{
    char escape[8];

    (void)snprintf(escape, sizeof(escape), chance(random, 2) ? "\\u%04x" : "\\u%04X", unit);
    put(text, escape, 6);
}

/* ASCII text in quotes, some of it escaped. */
static void put_name(struct oc_random *random, struct requests_text *text, const char *bytes,
                     size_t size)
{
    bool escapes = chance(random, 8);

    put(text, "\"", 1);
    for (size_t index = 0; index < size; index++) {
        if (bytes[index] == '/' && chance(random, 3)) {
            put(text, "\\/", 2);
        } else if (escapes && chance(random, 4)) {
            put_unit(random, text, (uint32_t)bytes[index]);
        } else {
            put(text, bytes + index, 1);
        }
    }
    put(text, "\"", 1);
}

/* Any character, raw or escaped. */
static void put_character(struct oc_random *random, struct requests_text *text)
{
    static const uint32_t widths[] = {0x80, 0x800, 0x10000, 0x110000};
    static const char *const escapes[] = {"\\\"", "\\\\", "\\/", "\\b", "\\f", "\\n", "\\r", "\\t"};
    uint32_t point = (uint32_t)oc_random_below(random, widths[oc_random_below(random, 4)]);

    if (point >= 0xd800 && point < 0xe000) {
        point = 0xfffd;
    }
    if (chance(random, 6)) {
        put_string(text, escapes[oc_random_below(random, 8)]);
    } else if (point < 0x10000 &&
               (point < ' ' || point == '"' || point == '\\' || chance(random, 3))) {
        put_unit(random, text, point);
    } else if (point < 0x80) {
        put(text, (char[]){(char)point}, 1);
    } else if (point < 0x800) {
        put(text, (char[]){(char)(0xc0 | point >> 6), (char)(0x80 | (point & 63))}, 2);
    } else if (point < 0x10000) {
        put(text,
            (char[]){(char)(0xe0 | point >> 12), (char)(0x80 | (point >> 6 & 63)),
                     (char)(0x80 | (point & 63))},
            3);
    } else if (chance(random, 2)) {
        put_unit(random, text, 0xd800 + ((point - 0x10000) >> 10));
        put_unit(random, text, 0xdc00 + ((point - 0x10000) & 1023));
    } else {
        put(text,
            (char[]){(char)(0xf0 | point >> 18), (char)(0x80 | (point >> 12 & 63)),
                     (char)(0x80 | (point >> 6 & 63)), (char)(0x80 | (point & 63))},
            4);
    }
}

static void put_any_text(struct oc_random *random, struct requests_text *text)
{
    put(text, "\"", 1);
    for (uint64_t count = oc_random_below(random, 12); count > 0; count--) {
        put_character(random, text);
    }
    put(text, "\"", 1);
}

/* Any JSON value that opens at most `levels` levels. */
static void put_any_value(struct oc_random *random, struct requests_text *text, uint32_t levels)
{
    static const char *const scalars[] = {"true", "false", "null", "0",    "-0",       "-12",
                                          "1.5",  "-0.25", "1e5",  "2E-3", "6.02e+23", "1234567"};
    uint64_t form = oc_random_below(random, levels > 0 ? 6 : 4);
    uint64_t count = oc_random_below(random, 4);

    if (form < 2) {
        put_string(text, scalars[oc_random_below(random, sizeof(scalars) / sizeof(*scalars))]);
        return;
    }
    if (form < 4) {
        put_any_text(random, text);
        return;
    }
    put_string(text, form == 4 ? "[" : "{");
    put_space(random, text);
    for (uint64_t index = 0; index < count; index++) {
        if (index > 0) {
            put(text, ",", 1);
        }
        put_space(random, text);
        if (form == 5) {
            /* Not put_any_text: jansson takes no name with a NUL in it. */
            put_name(random, text, "any/name", 1 + oc_random_below(random, 8));
            put_space(random, text);
            put(text, ":", 1);
            put_space(random, text);
        }
        put_any_value(random, text, levels - 1);
        put_space(random, text);
    }
    put_string(text, form == 4 ? "]" : "}");
}

/* The next member, its name set and its value empty. */
static struct member *add(struct members *members, const char *name)
{
    struct member *member = &members->members[members->count++];

    OC_ASSERT(members->count <= MEMBERS_MAX);
    (void)snprintf(member->name, sizeof(member->name), "%s", name);
    member->value[0] = '\0';
    return member;
}

static void add_number(struct members *members, const char *name, uint64_t value)
{
    struct member *member = add(members, name);

    (void)snprintf(member->value, sizeof(member->value), "%" PRIu64, value);
}

static void add_literal(struct members *members, const char *name, const char *json)
{
    struct member *member = add(members, name);

    (void)snprintf(member->value, sizeof(member->value), "%s", json);
}

static void add_text(struct oc_random *random, struct members *members, const char *name,
                     const char *bytes, size_t size)
{
    static struct requests_text spelt;
    struct member *member = add(members, name);

    spelt.size = 0;
    put_name(random, &spelt, bytes, size);
    OC_ASSERT(spelt.size < sizeof(member->value));
    memcpy(member->value, spelt.bytes, spelt.size);
    member->value[spelt.size] = '\0';
}

static void add_word(struct oc_random *random, struct members *members, const char *name,
                     const char *word)
{
    add_text(random, members, name, word, strlen(word));
}

static void add_unknown(struct oc_random *random, struct members *members, uint32_t levels)
{
    static struct requests_text value;

    while (members->count + 1 < MEMBERS_MAX && chance(random, 6)) {
        struct member *member = add(members, "x_");
        size_t size = 2 + oc_random_below(random, 20);

        for (size_t index = 2; index < size; index++) {
            member->name[index] = (char)('a' + oc_random_below(random, 26));
        }
        member->name[size] = '\0';
        value.size = 0;
        put_any_value(random, &value, levels);
        if (value.size >= sizeof(member->value)) {
            members->count--;
            continue;
        }
        memcpy(member->value, value.bytes, value.size);
        member->value[value.size] = '\0';
    }
}

/* In random order. */
static void put_members(struct oc_random *random, struct requests_text *text,
                        const struct members *members)
{
    uint32_t order[MEMBERS_MAX];

    for (uint32_t index = 0; index < members->count; index++) {
        order[index] = index;
    }
    put(text, "{", 1);
    for (uint32_t left = members->count; left > 0; left--) {
        uint32_t picked = (uint32_t)oc_random_below(random, left);
        const struct member *member = &members->members[order[picked]];

        put_space(random, text);
        put_name(random, text, member->name, strlen(member->name));
        put_space(random, text);
        put(text, ":", 1);
        put_space(random, text);
        put_string(text, member->value);
        put_space(random, text);
        if (left > 1) {
            put(text, ",", 1);
        }
        order[picked] = order[left - 1];
    }
    put(text, "}", 1);
}

static void add_new(struct oc_random *random, struct members *members,
                    const struct oc_command_new *order)
{
    add_text(random, members, "symbol", order->symbol.bytes, order->symbol.size);
    add_word(random, members, "order_type", order->side == OC_BUY ? "Buy" : "Sell");
    add_number(members, "price", (uint64_t)order->price_ticks);
    add_number(members, "quantity", order->qty_lots);
    if (order->time_in_force == OC_IMMEDIATE_OR_CANCEL) {
        add_word(random, members, "time_in_force", "IOC");
    } else if (chance(random, 8)) {
        add_word(random, members, "time_in_force", "GTC");
    }
    if (order->client_order_id.size > 0) {
        add_text(random, members, "client_order_id", order->client_order_id.bytes,
                 order->client_order_id.size);
    }
    if (chance(random, 8)) {
        add_word(random, members, "kind", "Limit");
    }
    if (chance(random, 8)) {
        add_literal(members, "post_only", "false");
    }
    if (chance(random, 8)) {
        add_word(random, members, "self_trade_prevention", "None");
    }
}

static void add_replace(struct members *members, const struct oc_command_replace *replace)
{
    add_number(members, "order_id", replace->order_id);
    if (replace->price_ticks != 0) {
        add_number(members, "price", (uint64_t)replace->price_ticks);
    }
    if (replace->qty_lots != 0) {
        add_number(members, "quantity", replace->qty_lots);
    }
    if (replace->total_qty_lots != 0) {
        add_number(members, "total_quantity", replace->total_qty_lots);
    }
}

static void add_mass_cancel(struct oc_random *random, struct members *members,
                            const struct oc_command_mass_cancel *cancel)
{
    add_literal(members, "mass_cancel", "true");
    if (cancel->symbol.size > 0) {
        add_text(random, members, "symbol", cancel->symbol.bytes, cancel->symbol.size);
    }
    if (cancel->has_side) {
        add_word(random, members, "side", cancel->side == OC_BUY ? "Buy" : "Sell");
    }
}

static void add_session(struct oc_random *random, struct members *members,
                        const struct oc_command *command)
{
    static struct requests_text value;
    static struct members settings;
    struct member *member;
    uint32_t setting_count;

    settings.count = 0;
    if (command->kind == OC_COMMAND_PING) {
        add_number(&settings, "ping", command->ping.ping);
    } else {
        uint32_t given = command->settings.given;
        uint32_t on = command->settings.values;

        if ((given & OC_SETTING_TRADES) != 0) {
            add_word(random, &settings, "trades", (on & OC_SETTING_TRADES) != 0 ? "on" : "off");
        }
        if ((given & OC_SETTING_REPORTS) != 0) {
            add_word(random, &settings, "reports", (on & OC_SETTING_REPORTS) != 0 ? "on" : "off");
        }
        if ((given & OC_SETTING_CANCEL_ON_DISCONNECT) != 0) {
            add_literal(&settings, "cancel_on_disconnect",
                        (on & OC_SETTING_CANCEL_ON_DISCONNECT) != 0 ? "true" : "false");
        }
    }
    setting_count = settings.count;
    do {
        settings.count = setting_count;
        add_unknown(random, &settings, 2);
        value.size = 0;
        put_members(random, &value, &settings);
    } while (value.size >= sizeof(member->value));
    member = add(members, "session");
    memcpy(member->value, value.bytes, value.size);
    member->value[value.size] = '\0';
}

uint64_t requests_number(struct oc_random *random, uint64_t min, uint64_t max)
{
    uint64_t value = oc_random_next(random);

    value >>= oc_random_below(random, 64);
    return value < min ? min : value > max ? max : value;
}

uint8_t requests_name(struct oc_random *random, char *bytes, uint32_t bytes_max)
{
    uint32_t size = 1 + (uint32_t)oc_random_below(random, bytes_max);

    for (uint32_t index = 0; index < size; index++) {
        do {
            bytes[index] = (char)(' ' + oc_random_below(random, 95));
        } while (bytes[index] == '"' || bytes[index] == '\\');
    }
    return (uint8_t)size;
}

static void fill_new(struct oc_random *random, struct oc_command_new *order)
{
    order->symbol.size = requests_name(random, order->symbol.bytes, OC_SYMBOL_BYTES_MAX);
    if (chance(random, 2)) {
        order->client_order_id.size = requests_name(random, order->client_order_id.bytes,
                                                    OC_CLIENT_ORDER_ID_BYTES_MAX);
    }
    order->side = (uint8_t)oc_random_below(random, 2);
    order->time_in_force = (uint8_t)oc_random_below(random, 2);
    order->price_ticks = (int64_t)requests_number(random, 1, OC_PRICE_TICKS_MAX);
    order->qty_lots = requests_number(random, 1, OC_QTY_LOTS_MAX);
}

static void fill_replace(struct oc_random *random, struct oc_command_replace *replace)
{
    uint64_t form = oc_random_below(random, 3);

    replace->order_id = requests_number(random, 1, INT64_MAX);
    if (form == 0 || chance(random, 2)) {
        replace->price_ticks = (int64_t)requests_number(random, 1, OC_PRICE_TICKS_MAX);
    }
    if (form == 1) {
        replace->qty_lots = requests_number(random, 1, OC_QTY_LOTS_MAX);
    } else if (form == 2) {
        replace->total_qty_lots = requests_number(random, 1, OC_QTY_LOTS_MAX);
    }
}

void requests_command(struct oc_random *random, struct oc_command *command)
{
    /* New orders as often as all others together. */
    static const uint8_t kinds[] = {
        OC_COMMAND_NEW,     OC_COMMAND_NEW,         OC_COMMAND_NEW,         OC_COMMAND_NEW,
        OC_COMMAND_NEW,     OC_COMMAND_NEW,         OC_COMMAND_NEW,         OC_COMMAND_CANCEL,
        OC_COMMAND_REPLACE, OC_COMMAND_MASS_CANCEL, OC_COMMAND_OPEN_ORDERS, OC_COMMAND_BOOK,
        OC_COMMAND_PING,    OC_COMMAND_SESSION_SET,
    };

    memset(command, 0, sizeof(*command));
    command->kind = kinds[oc_random_below(random, sizeof(kinds))];
    if (command->kind <= OC_COMMAND_OPEN_ORDERS) {
        command->user_id = requests_number(random, 0, UINT64_MAX);
    }
    if (chance(random, 3)) {
        command->flags = OC_COMMAND_HAS_REQUEST_ID;
        command->request_id = requests_number(random, 0, UINT64_MAX);
    }
    switch (command->kind) {
    case OC_COMMAND_NEW:
        fill_new(random, &command->new_order);
        break;
    case OC_COMMAND_CANCEL:
        command->cancel.order_id = requests_number(random, 1, INT64_MAX);
        break;
    case OC_COMMAND_REPLACE:
        fill_replace(random, &command->replace);
        break;
    case OC_COMMAND_MASS_CANCEL:
        if (chance(random, 2)) {
            command->mass_cancel.symbol.size = requests_name(
                random, command->mass_cancel.symbol.bytes, OC_SYMBOL_BYTES_MAX);
        }
        command->mass_cancel.has_side = chance(random, 2);
        command->mass_cancel.side = command->mass_cancel.has_side
                                        ? (uint8_t)oc_random_below(random, 2)
                                        : 0;
        break;
    case OC_COMMAND_BOOK:
        command->book.symbol.size = requests_name(random, command->book.symbol.bytes,
                                                  OC_SYMBOL_BYTES_MAX);
        command->book.depth = 1 + (uint32_t)oc_random_below(random, OC_BOOK_DEPTH_MAX);
        break;
    case OC_COMMAND_SESSION_SET:
        command->settings.given = 1 + (uint32_t)oc_random_below(random, 7);
        command->settings.values = (uint32_t)oc_random_below(random, 8) & command->settings.given;
        break;
    case OC_COMMAND_PING:
        command->ping.ping = requests_number(random, 0, UINT64_MAX);
        break;
    default:
        break;
    }
}

void requests_write(struct oc_random *random, const struct oc_command *command,
                    struct requests_text *text)
{
    static const char *const types[OC_COMMAND_KIND_COUNT] = {
        [OC_COMMAND_NEW] = "new",
        [OC_COMMAND_CANCEL] = "cancel",
        [OC_COMMAND_REPLACE] = "replace",
        [OC_COMMAND_MASS_CANCEL] = "mass_cancel",
        [OC_COMMAND_OPEN_ORDERS] = "open_orders",
        [OC_COMMAND_BOOK] = "book",
        [OC_COMMAND_SESSION_SET] = "session",
        [OC_COMMAND_PING] = "session",
    };
    static struct members members;

    members.count = 0;
    if (command->kind <= OC_COMMAND_OPEN_ORDERS) {
        add_number(&members, "user_id", command->user_id);
    }
    switch (command->kind) {
    case OC_COMMAND_NEW:
        add_new(random, &members, &command->new_order);
        break;
    case OC_COMMAND_CANCEL:
        add_number(&members, "order_id", command->cancel.order_id);
        break;
    case OC_COMMAND_REPLACE:
        add_replace(&members, &command->replace);
        break;
    case OC_COMMAND_MASS_CANCEL:
        add_mass_cancel(random, &members, &command->mass_cancel);
        break;
    case OC_COMMAND_OPEN_ORDERS:
        add_literal(&members, "open_orders", "true");
        break;
    case OC_COMMAND_BOOK:
        add_text(random, &members, "book", command->book.symbol.bytes, command->book.symbol.size);
        if (command->book.depth != OC_BOOK_DEPTH_DEFAULT || chance(random, 2)) {
            add_number(&members, "depth", command->book.depth);
        }
        break;
    default:
        add_session(random, &members, command);
        break;
    }
    if ((command->flags & OC_COMMAND_HAS_REQUEST_ID) != 0) {
        add_number(&members, "request_id", command->request_id);
    }
    if (chance(random, 6)) {
        add_word(random, &members, "type", types[command->kind]);
    }
    add_unknown(random, &members, 3);

    text->size = 0;
    put_space(random, text);
    put_members(random, text, &members);
    put_space(random, text);
}
