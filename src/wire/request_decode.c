/*
 * Request frames to commands: one pass over the members, then one decision.
 *
 * The pass notes which members were given, their values and the first thing that is wrong, and goes
 * on to the end, so that a refusal can name the request and its ids whatever their order. Only then
 * is it decided which request was meant and whether its members fit. The table of forms says all
 * about a single member, the table of requests all about their combinations.
 *
 * Symbols, ids, ticks and limits mean nothing here: the engine judges them.
 */
#include "wire/wire.h"

#include <string.h>

#include "core/assert.h"
#include "wire/json.h"
#include "wire/members.h"
#include "wire/usual.h"
#include "wire/words.h"

/* The request's own object is the first level. */
#define LEVELS_MAX 4U

enum form_type {
    FORM_NUMBER,          /* digits; the value itself */
    FORM_WORD,            /* a text of a list; its index */
    FORM_FLAG,            /* true 1 or false 0 */
    FORM_SYMBOL,          /* a text, kept in the decoder */
    FORM_CLIENT_ORDER_ID, /* the same */
    FORM_SESSION,         /* an object whose members are read like those around it */
};

/* What a member may be. Values beyond `built_max` are of the protocol, but not built yet. */
struct form {
    enum form_type type;
    const struct oc_wire__words *words;
    uint64_t min;
    uint64_t max;
    uint64_t built_max;
};

#define NUMBER(low, high)                                                     \
    {                                                                         \
        .type = FORM_NUMBER, .min = (low), .max = (high), .built_max = (high) \
    }
#define NUMBER_NOT_BUILT                                                \
    {                                                                   \
        .type = FORM_NUMBER, .min = 1, .max = INT64_MAX, .built_max = 0 \
    }
#define WORD_OF(list, last_built)                                                                  \
    {                                                                                              \
        .type = FORM_WORD, .words = (list), .max = OC_WIRE__NO_WORD - 1, .built_max = (last_built) \
    }
#define FLAG(low, last_built)                                                \
    {                                                                        \
        .type = FORM_FLAG, .min = (low), .max = 1, .built_max = (last_built) \
    }

static const struct form FORMS[OC_WIRE__MEMBER_COUNT] = {
    [OC_WIRE__TYPE] = WORD_OF(&oc_wire__requests, UINT64_MAX),
    [OC_WIRE__REQUEST_ID] = NUMBER(0, UINT64_MAX),
    [OC_WIRE__USER_ID] = NUMBER(0, UINT64_MAX),
    [OC_WIRE__ORDER_ID] = NUMBER(1, INT64_MAX),
    [OC_WIRE__SYMBOL] = {.type = FORM_SYMBOL},
    [OC_WIRE__ORDER_TYPE] = WORD_OF(&oc_wire__sides, UINT64_MAX),
    [OC_WIRE__PRICE] = NUMBER(1, OC_PRICE_TICKS_MAX),
    [OC_WIRE__QUANTITY] = NUMBER(1, OC_QTY_LOTS_MAX),
    [OC_WIRE__TOTAL_QUANTITY] = NUMBER(1, OC_QTY_LOTS_MAX),
    [OC_WIRE__CLIENT_ORDER_ID] = {.type = FORM_CLIENT_ORDER_ID},
    [OC_WIRE__KIND] = WORD_OF(&oc_wire__order_kinds, 0),
    [OC_WIRE__TIME_IN_FORCE] = WORD_OF(&oc_wire__times_in_force, OC_IMMEDIATE_OR_CANCEL),
    [OC_WIRE__EXPIRE_TIME] = NUMBER_NOT_BUILT,
    [OC_WIRE__POST_ONLY] = FLAG(0, 0),
    [OC_WIRE__STOP_PRICE] = NUMBER_NOT_BUILT,
    [OC_WIRE__DISPLAY_QUANTITY] = NUMBER_NOT_BUILT,
    [OC_WIRE__MIN_QUANTITY] = NUMBER_NOT_BUILT,
    [OC_WIRE__SELF_TRADE_PREVENTION] = WORD_OF(&oc_wire__self_trade_modes, 0),
    [OC_WIRE__MASS_CANCEL] = FLAG(1, 1),
    [OC_WIRE__SIDE] = WORD_OF(&oc_wire__sides, UINT64_MAX),
    [OC_WIRE__OPEN_ORDERS] = FLAG(1, 1),
    [OC_WIRE__BOOK] = {.type = FORM_SYMBOL},
    [OC_WIRE__DEPTH] = NUMBER(1, OC_BOOK_DEPTH_MAX),
    [OC_WIRE__SESSION] = {.type = FORM_SESSION},
    [OC_WIRE__TRADES] = WORD_OF(&oc_wire__switches, UINT64_MAX),
    [OC_WIRE__REPORTS] = WORD_OF(&oc_wire__switches, UINT64_MAX),
    [OC_WIRE__CANCEL_ON_DISCONNECT] = FLAG(0, 1),
    [OC_WIRE__PING] = NUMBER(0, UINT64_MAX),
};

#define BIT             OC_WIRE__BIT
#define COMMON_MEMBERS  (BIT(TYPE) | BIT(REQUEST_ID))
#define SETTING_MEMBERS (BIT(TRADES) | BIT(REPORTS) | BIT(CANCEL_ON_DISCONNECT))
#define SESSION_MEMBERS (SETTING_MEMBERS | BIT(PING))
#define TOP_MEMBERS     (~SESSION_MEMBERS)
#define NEW_REQUIRED    (BIT(USER_ID) | BIT(SYMBOL) | BIT(ORDER_TYPE) | BIT(PRICE) | BIT(QUANTITY))
#define NEW_OPTIONAL                                                                             \
    (BIT(CLIENT_ORDER_ID) | BIT(KIND) | BIT(TIME_IN_FORCE) | BIT(EXPIRE_TIME) | BIT(POST_ONLY) | \
     BIT(STOP_PRICE) | BIT(DISPLAY_QUANTITY) | BIT(MIN_QUANTITY) | BIT(SELF_TRADE_PREVENTION))
#define REPLACE_CHANGES (BIT(PRICE) | BIT(QUANTITY) | BIT(TOTAL_QUANTITY))

/* The members of each request, by command kind. */
static const struct request {
    uint32_t required;
    uint32_t optional;
} REQUESTS[OC_COMMAND_KIND_COUNT] = {
    [OC_COMMAND_NEW] = {NEW_REQUIRED, NEW_OPTIONAL},
    [OC_COMMAND_CANCEL] = {BIT(USER_ID) | BIT(ORDER_ID), 0},
    [OC_COMMAND_REPLACE] = {BIT(USER_ID) | BIT(ORDER_ID), REPLACE_CHANGES},
    [OC_COMMAND_MASS_CANCEL] = {BIT(USER_ID) | BIT(MASS_CANCEL), BIT(SYMBOL) | BIT(SIDE)},
    [OC_COMMAND_OPEN_ORDERS] = {BIT(USER_ID) | BIT(OPEN_ORDERS), 0},
    [OC_COMMAND_BOOK] = {BIT(BOOK), BIT(DEPTH)},
    [OC_COMMAND_SESSION_SET] = {BIT(SESSION), SESSION_MEMBERS},
};

struct decoder {
    uint32_t scope;             /* members that are defined where the reader stands */
    uint32_t seen;              /* members given, whatever their values */
    uint32_t good;              /* of them, those whose value is in `values` */
    uint32_t unbuilt;           /* of them, those that ask for what is not built */
    enum oc_reason reason;      /* the first thing that is wrong with a single member */
    struct oc_wire__text about; /* the name of that member */
    struct oc_symbol symbol;    /* of `symbol` or `book`, which no request has both of */
    struct oc_client_order_id client_order_id;
    uint64_t values[OC_WIRE__MEMBER_COUNT];
};

/* What became of a value. */
enum step {
    STEP_DONE,   /* it is read, or skipped with a note */
    STEP_OPENED, /* it is an object, and its members come next */
    STEP_SKIP,   /* it is still to be skipped */
    STEP_BROKEN,
    STEP_TOO_DEEP,
};

static enum oc_reason scan(struct decoder *decoder, struct oc_wire__reader reader);
static enum step scan_member(struct decoder *decoder, struct oc_wire__reader *reader);
static enum step scan_value(struct decoder *decoder, struct oc_wire__reader *reader,
                            enum oc_wire__member member, const struct oc_wire__text *name);
static enum step scan_number(struct decoder *decoder, struct oc_wire__reader *reader,
                             enum oc_wire__member member, const struct oc_wire__text *name);
static enum step scan_text(struct decoder *decoder, struct oc_wire__reader *reader,
                           enum oc_wire__member member, const struct oc_wire__text *name);
static enum step skip(const struct decoder *decoder, struct oc_wire__reader *reader);
static void keep_value(struct decoder *decoder, enum oc_wire__member member, uint64_t value,
                       const struct oc_wire__text *name);
static void note(struct decoder *decoder, enum oc_reason reason, const struct oc_wire__text *name);
static uint8_t decide_kind(const struct decoder *decoder, bool complete);
static enum oc_reason judge(struct decoder *decoder, uint8_t kind);
static enum oc_reason blame(struct decoder *decoder, enum oc_reason reason, uint32_t culprits);
static void fill(const struct decoder *decoder, uint8_t kind, struct oc_command *command);
static void fill_session(const struct decoder *decoder, struct oc_command *command);
static void refuse(const struct decoder *decoder, uint8_t kind, enum oc_reason reason,
                   struct oc_command *command);

enum oc_reason oc_wire_decode_request(const uint8_t *payload, size_t size,
                                      struct oc_command *command)
{
    struct decoder decoder; /* `values` stay as they are: `good` says which of them were set */
    enum oc_reason reason;
    uint8_t kind;

    OC_ASSERT(size <= OC_FRAME_BYTES_MAX);
    if (oc_wire__decode_usual(payload, size, command)) {
        return OC_REASON_NONE;
    }
    memset(&decoder, 0, offsetof(struct decoder, values));
    decoder.scope = TOP_MEMBERS;

    reason = scan(&decoder, (struct oc_wire__reader){payload, payload + size});
    kind = decide_kind(&decoder, reason == OC_REASON_NONE);
    if (reason == OC_REASON_NONE) {
        reason = judge(&decoder, kind);
    }

    /* In two parts, because one of more than 128 bytes becomes a slow string instruction. */
    memset(command, 0, offsetof(struct oc_command, refused));
    memset(&command->refused, 0, sizeof(*command) - offsetof(struct oc_command, refused));
    if ((decoder.good & BIT(USER_ID)) != 0) {
        command->user_id = decoder.values[OC_WIRE__USER_ID];
    }
    if ((decoder.good & BIT(REQUEST_ID)) != 0) {
        command->request_id = decoder.values[OC_WIRE__REQUEST_ID];
        command->flags = OC_COMMAND_HAS_REQUEST_ID;
    }
    if (reason == OC_REASON_NONE) {
        fill(&decoder, kind, command);
    } else {
        refuse(&decoder, kind, reason, command);
    }
    return reason;
}

/* The whole payload. Returns BAD_JSON or TOO_DEEP where it cannot go on, NONE at the end. */
static enum oc_reason scan(struct decoder *decoder, struct oc_wire__reader reader)
{
    bool empty;

    if (!oc_wire__take(&reader, '{')) {
        return OC_REASON_BAD_JSON;
    }
    empty = oc_wire__peek(&reader) == '}';
    for (;;) {
        enum step step = empty ? STEP_DONE : scan_member(decoder, &reader);

        if (step == STEP_BROKEN) {
            return OC_REASON_BAD_JSON;
        }
        if (step == STEP_TOO_DEEP) {
            return OC_REASON_TOO_DEEP;
        }
        if (step == STEP_OPENED) {
            decoder->scope = SESSION_MEMBERS;
            empty = oc_wire__peek(&reader) == '}';
            continue;
        }
        while (oc_wire__take(&reader, '}')) {
            if (decoder->scope == TOP_MEMBERS) {
                (void)oc_wire__peek(&reader);
                return reader.next == reader.end ? OC_REASON_NONE : OC_REASON_BAD_JSON;
            }
            decoder->scope = TOP_MEMBERS;
        }
        if (!oc_wire__take(&reader, ',')) {
            return OC_REASON_BAD_JSON;
        }
        empty = false;
    }
}

/* One name, its colon and its value. */
static enum step scan_member(struct decoder *decoder, struct oc_wire__reader *reader)
{
    uint8_t unescaped[OC_WIRE__MEMBER_BYTES_MAX];
    enum oc_wire__member member;
    struct oc_wire__text name;
    const uint8_t *bytes;
    uint32_t size;
    bool whole = true;
    enum step step = STEP_SKIP;

    if (!oc_wire__take(reader, '"') || !oc_wire__read_text(reader, &name) ||
        !oc_wire__take(reader, ':')) {
        return STEP_BROKEN;
    }
    bytes = name.bytes;
    size = name.size;
    if (!name.plain) {
        size = (uint32_t)oc_wire__unescape(&name, unescaped, sizeof(unescaped), &whole);
        bytes = unescaped;
    }
    member = whole ? oc_wire__find_member(bytes, size) : OC_WIRE__MEMBER_COUNT;
    if (member == OC_WIRE__MEMBER_COUNT || (decoder->scope & (1U << member)) == 0) {
        if (size < 2 || bytes[0] != 'x' || bytes[1] != '_') {
            note(decoder, OC_REASON_UNKNOWN_MEMBER, &name);
        }
    } else if ((decoder->seen & (1U << member)) != 0) {
        note(decoder, OC_REASON_DUPLICATE_MEMBER, &name);
    } else {
        decoder->seen |= 1U << member;
        step = scan_value(decoder, reader, member, &name);
    }
    if (step == STEP_SKIP) {
        step = skip(decoder, reader);
    }
    if (step == STEP_TOO_DEEP) {
        /* It ends the pass, so it is what the refusal is about, whatever was noted before. */
        decoder->reason = OC_REASON_NONE;
        note(decoder, OC_REASON_TOO_DEEP, &name);
    }
    return step;
}

static enum step scan_value(struct decoder *decoder, struct oc_wire__reader *reader,
                            enum oc_wire__member member, const struct oc_wire__text *name)
{
    uint8_t first = oc_wire__peek(reader);

    switch (FORMS[member].type) {
    case FORM_NUMBER:
        if ((uint8_t)(first - '0') <= 9 || first == '-') {
            return scan_number(decoder, reader, member, name);
        }
        break;
    case FORM_FLAG:
        if (first == 't' || first == 'f') {
            bool is_true = first == 't';

            if (!oc_wire__skip_word(reader, is_true ? "true" : "false", is_true ? 4 : 5)) {
                return STEP_BROKEN;
            }
            keep_value(decoder, member, is_true, name);
            return STEP_DONE;
        }
        break;
    case FORM_WORD:
    case FORM_SYMBOL:
    case FORM_CLIENT_ORDER_ID:
        if (first == '"') {
            reader->next++;
            return scan_text(decoder, reader, member, name);
        }
        break;
    case FORM_SESSION:
        if (first == '{') {
            reader->next++;
            return STEP_OPENED;
        }
        break;
    }
    note(decoder, OC_REASON_WRONG_TYPE, name);
    return STEP_SKIP;
}

static enum step scan_number(struct decoder *decoder, struct oc_wire__reader *reader,
                             enum oc_wire__member member, const struct oc_wire__text *name)
{
    uint64_t value = 0;

    switch (oc_wire__read_number(reader, &value)) {
    case OC_WIRE__NUMBER_UNSIGNED:
        keep_value(decoder, member, value, name);
        return STEP_DONE;
    case OC_WIRE__NUMBER_OTHER:
        note(decoder, OC_REASON_BAD_VALUE, name);
        return STEP_DONE;
    case OC_WIRE__NUMBER_BROKEN:
        break;
    }
    return STEP_BROKEN;
}

/* The opening quote is taken. */
static enum step scan_text(struct decoder *decoder, struct oc_wire__reader *reader,
                           enum oc_wire__member member, const struct oc_wire__text *name)
{
    const struct form *form = &FORMS[member];
    struct oc_wire__text text;
    bool kept;

    if (!oc_wire__read_text(reader, &text)) {
        return STEP_BROKEN;
    }
    if (form->type == FORM_WORD) {
        keep_value(decoder, member, oc_wire__find_word(form->words, &text), name);
        return STEP_DONE;
    }
    if (form->type == FORM_SYMBOL) {
        kept = oc_wire__copy_name(&text, decoder->symbol.bytes, OC_SYMBOL_BYTES_MAX,
                                  &decoder->symbol.size);
    } else {
        kept = oc_wire__copy_name(&text, decoder->client_order_id.bytes,
                                  OC_CLIENT_ORDER_ID_BYTES_MAX, &decoder->client_order_id.size);
    }
    if (!kept) {
        note(decoder, OC_REASON_BAD_VALUE, name);
    }
    return STEP_DONE;
}

static enum step skip(const struct decoder *decoder, struct oc_wire__reader *reader)
{
    uint32_t levels = decoder->scope == TOP_MEMBERS ? 1 : 2;

    switch (oc_wire__skip_value(reader, LEVELS_MAX - levels)) {
    case OC_WIRE__SKIP_DONE:
        return STEP_DONE;
    case OC_WIRE__SKIP_TOO_DEEP:
        return STEP_TOO_DEEP;
    case OC_WIRE__SKIP_BROKEN:
        break;
    }
    return STEP_BROKEN;
}

static void keep_value(struct decoder *decoder, enum oc_wire__member member, uint64_t value,
                       const struct oc_wire__text *name)
{
    const struct form *form = &FORMS[member];

    if (value < form->min || value > form->max) {
        note(decoder, OC_REASON_BAD_VALUE, name);
        return;
    }
    decoder->values[member] = value;
    decoder->good |= 1U << member;
    if (value > form->built_max) {
        decoder->unbuilt |= 1U << member;
    }
}

/* Keeps the first thing that is wrong: what follows it is often its consequence. */
static void note(struct decoder *decoder, enum oc_reason reason, const struct oc_wire__text *name)
{
    if (decoder->reason == OC_REASON_NONE) {
        decoder->reason = reason;
        decoder->about = *name;
    }
}

/*
 * Which request was meant, OC_COMMAND_NONE if none can be told. An incomplete pass tells less: an
 * order_id may be a replace's whose other members were not reached.
 */
static uint8_t decide_kind(const struct decoder *decoder, bool complete)
{
    uint32_t seen = decoder->seen;

    if ((seen & BIT(TYPE)) != 0) {
        bool good = (decoder->good & BIT(TYPE)) != 0;

        return good ? oc_wire__request_kinds[decoder->values[OC_WIRE__TYPE]] : OC_COMMAND_NONE;
    }
    if ((~seen & (BIT(SYMBOL) | BIT(ORDER_TYPE))) == 0) {
        return OC_COMMAND_NEW;
    }
    if ((seen & BIT(ORDER_ID)) != 0) {
        if ((seen & REPLACE_CHANGES) != 0) {
            return OC_COMMAND_REPLACE;
        }
        return complete ? OC_COMMAND_CANCEL : OC_COMMAND_NONE;
    }
    if ((seen & BIT(MASS_CANCEL)) != 0) {
        return OC_COMMAND_MASS_CANCEL;
    }
    if ((seen & BIT(OPEN_ORDERS)) != 0) {
        return OC_COMMAND_OPEN_ORDERS;
    }
    if ((seen & BIT(BOOK)) != 0) {
        return OC_COMMAND_BOOK;
    }
    if ((seen & BIT(SESSION)) != 0) {
        return OC_COMMAND_SESSION_SET;
    }
    /* Nothing else has it: a new order whose symbol was forgotten or misspelt. */
    return (seen & BIT(ORDER_TYPE)) != 0 ? OC_COMMAND_NEW : OC_COMMAND_NONE;
}

/* Whether the members make this request; names the first that does not in `about` or `culprits`. */
static enum oc_reason judge(struct decoder *decoder, uint8_t kind)
{
    const struct request *request = &REQUESTS[kind];
    uint32_t seen = decoder->seen;
    uint32_t undefined = seen & ~(COMMON_MEMBERS | request->required | request->optional);

    if (kind == OC_COMMAND_NONE) {
        return OC_REASON_UNKNOWN_REQUEST;
    }
    if (decoder->reason != OC_REASON_NONE) {
        return decoder->reason;
    }
    if (undefined != 0) {
        return blame(decoder, OC_REASON_UNKNOWN_MEMBER, undefined);
    }
    if (decoder->unbuilt != 0) {
        return blame(decoder, OC_REASON_NOT_SUPPORTED, decoder->unbuilt);
    }
    if ((request->required & ~seen) != 0) {
        return blame(decoder, OC_REASON_MISSING_MEMBER, request->required & ~seen);
    }
    if (kind == OC_COMMAND_REPLACE) {
        if ((seen & REPLACE_CHANGES) == 0) {
            return blame(decoder, OC_REASON_MISSING_MEMBER, BIT(QUANTITY));
        }
        if ((~seen & (BIT(QUANTITY) | BIT(TOTAL_QUANTITY))) == 0) {
            return blame(decoder, OC_REASON_CONFLICTING_MEMBERS, BIT(TOTAL_QUANTITY));
        }
    }
    if (kind == OC_COMMAND_SESSION_SET) {
        if ((seen & SESSION_MEMBERS) == 0) {
            return blame(decoder, OC_REASON_BAD_VALUE, BIT(SESSION));
        }
        if ((seen & BIT(PING)) != 0 && (seen & SETTING_MEMBERS) != 0) {
            return blame(decoder, OC_REASON_CONFLICTING_MEMBERS, BIT(PING));
        }
    }
    return OC_REASON_NONE;
}

/* `culprits` is not empty; the first of them is named. */
static enum oc_reason blame(struct decoder *decoder, enum oc_reason reason, uint32_t culprits)
{
    const char *name;

    OC_ASSERT(culprits != 0);
    name = oc_wire__member_name((enum oc_wire__member)__builtin_ctz(culprits));
    decoder->about.bytes = (const uint8_t *)name;
    decoder->about.size = 0;
    while (name[decoder->about.size] != '\0') {
        decoder->about.size++;
    }
    decoder->about.plain = true;
    return reason;
}

/* The members are known to make this request. */
static void fill(const struct decoder *decoder, uint8_t kind, struct oc_command *command)
{
    const uint64_t *values = decoder->values;
    uint32_t seen = decoder->seen;

    command->kind = kind;
    switch (kind) {
    case OC_COMMAND_NEW:
        command->new_order.symbol = decoder->symbol;
        command->new_order.client_order_id = decoder->client_order_id;
        command->new_order.side = (uint8_t)values[OC_WIRE__ORDER_TYPE];
        command->new_order.time_in_force = (seen & BIT(TIME_IN_FORCE)) != 0
                                               ? (uint8_t)values[OC_WIRE__TIME_IN_FORCE]
                                               : (uint8_t)OC_GOOD_TILL_CANCEL;
        command->new_order.price_ticks = (int64_t)values[OC_WIRE__PRICE];
        command->new_order.qty_lots = values[OC_WIRE__QUANTITY];
        break;
    case OC_COMMAND_CANCEL:
        command->cancel.order_id = values[OC_WIRE__ORDER_ID];
        break;
    case OC_COMMAND_REPLACE:
        command->replace.order_id = values[OC_WIRE__ORDER_ID];
        command->replace.price_ticks = (seen & BIT(PRICE)) != 0 ? (int64_t)values[OC_WIRE__PRICE]
                                                                : 0;
        command->replace.qty_lots = (seen & BIT(QUANTITY)) != 0 ? values[OC_WIRE__QUANTITY] : 0;
        command->replace.total_qty_lots = (seen & BIT(TOTAL_QUANTITY)) != 0
                                              ? values[OC_WIRE__TOTAL_QUANTITY]
                                              : 0;
        break;
    case OC_COMMAND_MASS_CANCEL:
        command->mass_cancel.symbol = decoder->symbol;
        command->mass_cancel.has_side = (seen & BIT(SIDE)) != 0;
        command->mass_cancel.side = (seen & BIT(SIDE)) != 0 ? (uint8_t)values[OC_WIRE__SIDE] : 0;
        break;
    case OC_COMMAND_OPEN_ORDERS:
        break;
    case OC_COMMAND_BOOK:
        command->book.symbol = decoder->symbol;
        command->book.depth = (seen & BIT(DEPTH)) != 0 ? (uint32_t)values[OC_WIRE__DEPTH]
                                                       : OC_BOOK_DEPTH_DEFAULT;
        break;
    case OC_COMMAND_SESSION_SET:
        fill_session(decoder, command);
        break;
    default:
        OC_UNREACHABLE();
    }
}

static void fill_session(const struct decoder *decoder, struct oc_command *command)
{
    static const struct {
        enum oc_wire__member member;
        uint32_t setting;
    } settings[] = {
        {OC_WIRE__TRADES, OC_SETTING_TRADES},
        {OC_WIRE__REPORTS, OC_SETTING_REPORTS},
        {OC_WIRE__CANCEL_ON_DISCONNECT, OC_SETTING_CANCEL_ON_DISCONNECT},
    };

    if ((decoder->seen & BIT(PING)) != 0) {
        command->kind = OC_COMMAND_PING;
        command->ping.ping = decoder->values[OC_WIRE__PING];
        return;
    }
    for (size_t index = 0; index < sizeof(settings) / sizeof(*settings); index++) {
        if ((decoder->seen & (1U << settings[index].member)) != 0) {
            command->settings.given |= settings[index].setting;
            if (decoder->values[settings[index].member] != 0) {
                command->settings.values |= settings[index].setting;
            }
        }
    }
}

static void refuse(const struct decoder *decoder, uint8_t kind, enum oc_reason reason,
                   struct oc_command *command)
{
    struct oc_command_refused *refused = &command->refused;

    command->kind = OC_COMMAND_REFUSED;
    refused->request = kind;
    refused->reason = (uint16_t)reason;
    if ((decoder->good & BIT(ORDER_ID)) != 0) {
        refused->order_id = decoder->values[OC_WIRE__ORDER_ID];
    }
    refused->client_order_id = decoder->client_order_id;
    /* Bytes that are no JSON have no members to speak of. */
    if (reason != OC_REASON_BAD_JSON && decoder->about.bytes != NULL) {
        bool whole;

        refused->detail.size = (uint8_t)oc_wire__unescape(
            &decoder->about, (uint8_t *)refused->detail.bytes, OC_DETAIL_BYTES_MAX, &whole);
    }
}
