/*
 * The shapes of flow and how they are drawn.
 */
#include "support/flow.h"

#include <stdio.h>
#include <string.h>

#include "core/random.h"

#define LIMITS(orders, levels, instruments_, users_, sessions_, ids, ids_total)            \
    {                                                                                      \
        .orders_max = (orders), .levels_max = (levels), .instruments_max = (instruments_), \
        .users_max = (users_), .sessions_max = (sessions_), .client_ids_max = (ids),       \
        .client_ids_total = (ids_total),                                                   \
    }

const struct flow_shape FLOW_SHAPES[] = {
    {
        .name = "few prices",
        .limits = LIMITS(4096, 1024, 8, 16, 8, 8, 64),
        .instruments_on_first_use = true,
        .log_capacity = 1024,
        .instruments = 1,
        .users = 4,
        .sessions = 4,
        .client_ids = 0,
        .price_ticks = 100,
        .price_spread = 4,
        .qty_lots_max = 10,
        .ids_back = 60,
        .cancels = 250,
        .replaces = 200,
        .mass_cancels = 2,
        .queries = 20,
        .session_changes = 10,
        .session_ends = 1,
        .immediate = 150,
    },
    {
        .name = "wide",
        .limits = LIMITS(4096, 4096, 2, 8, 4, 8, 16),
        .instruments_on_first_use = true,
        .log_capacity = 1024,
        .instruments = 1,
        .users = 3,
        .sessions = 2,
        .price_ticks = 100000,
        .price_spread = 3000,
        .qty_lots_max = 1000,
        .ids_back = 900,
        .cancels = 320,
        .replaces = 150,
        .queries = 2,
        .session_changes = 2,
        .immediate = 30,
    },
    {
        .name = "many instruments",
        .limits = LIMITS(2048, 512, 40, 16, 8, 4, 32),
        .instruments_on_first_use = true,
        .log_capacity = 256,
        .instruments = 44,
        .users = 6,
        .sessions = 6,
        .client_ids = 12,
        .price_ticks = 50,
        .price_spread = 6,
        .qty_lots_max = 20,
        .ids_back = 400,
        .cancels = 250,
        .replaces = 150,
        .mass_cancels = 4,
        .queries = 20,
        .session_changes = 20,
        .session_ends = 4,
        .immediate = 100,
    },
    {
        .name = "rules of instruments",
        .limits = LIMITS(512, 128, 3, 8, 4, 4, 16),
        .instruments_on_first_use = false,
        .log_capacity = 256,
        .instruments = 4,
        .instruments_have_rules = true,
        .users = 4,
        .sessions = 3,
        .client_ids = 20,
        .price_ticks = 100,
        .price_spread = 12,
        .qty_lots_max = 60,
        .ids_back = 60,
        .cancels = 150,
        .replaces = 250,
        .mass_cancels = 3,
        .queries = 20,
        .session_changes = 10,
        .session_ends = 2,
        .immediate = 150,
    },
    {
        .name = "small limits",
        .limits = LIMITS(12, 5, 2, 3, 4, 3, 7),
        .instruments_on_first_use = true,
        .log_capacity = 64,
        .instruments = 3,
        .users = 4,
        .sessions = 4,
        .client_ids = 6,
        .price_ticks = 100,
        .price_spread = 6,
        .qty_lots_max = 6,
        .ids_back = 20,
        .cancels = 120,
        .replaces = 250,
        .mass_cancels = 5,
        .queries = 30,
        .session_changes = 20,
        .session_ends = 5,
        .immediate = 150,
    },
    {
        .name = "largest quantities",
        .limits = LIMITS(64, 8, 1, 4, 2, 2, 4),
        .instruments_on_first_use = true,
        .log_capacity = 128,
        .instruments = 1,
        .users = 3,
        .sessions = 2,
        .price_ticks = 4,
        .price_spread = 3,
        .qty_lots_max = OC_QTY_LOTS_MAX,
        .ids_back = 20,
        .cancels = 120,
        .replaces = 300,
        .mass_cancels = 3,
        .queries = 30,
        .session_changes = 10,
        .session_ends = 1,
        .immediate = 100,
    },
    {
        .name = "sessions come and go, tiny log",
        .limits = LIMITS(1024, 256, 4, 16, 12, 16, 64),
        .instruments_on_first_use = true,
        .log_capacity = 64,
        .drains_slowly = true,
        .instruments = 3,
        .users = 8,
        .sessions = 12,
        .client_ids = 30,
        .price_ticks = 1000,
        .price_spread = 40,
        .qty_lots_max = 30,
        .ids_back = 200,
        .cancels = 150,
        .replaces = 100,
        .mass_cancels = 6,
        .queries = 40,
        .session_changes = 60,
        .session_ends = 25,
        .immediate = 80,
    },
};
const uint32_t FLOW_SHAPE_COUNT = sizeof(FLOW_SHAPES) / sizeof(FLOW_SHAPES[0]);

/** What the flow knows while it is drawn. */
struct drawing {
    const struct flow_shape *shape;
    struct oc_random random;
    uint32_t generations[64]; /* of each session slot; odd: open, the count of opens is half */
    uint64_t order_id_guess;
};

static uint32_t below(struct drawing *drawing, uint64_t bound)
{
    return (uint32_t)oc_random_below(&drawing->random, bound);
}

static struct oc_symbol symbol(uint32_t index)
{
    struct oc_symbol made = {0};

    made.size = (uint8_t)snprintf(made.bytes, sizeof(made.bytes), "SYM/%u", index);
    return made;
}

static int64_t draw_price(struct drawing *drawing)
{
    uint32_t spread = drawing->shape->price_spread;

    /* Two dice: most orders are near the middle, where they trade. */
    return drawing->shape->price_ticks + (int64_t)below(drawing, spread) -
           (int64_t)below(drawing, spread);
}

static uint64_t draw_quantity(struct drawing *drawing)
{
    uint64_t max = drawing->shape->qty_lots_max;

    if (below(drawing, 30) == 0) {
        return max;
    }
    return 1 + oc_random_below(&drawing->random, max);
}

static uint64_t draw_order_id(struct drawing *drawing)
{
    uint64_t back = below(drawing, drawing->shape->ids_back);

    return drawing->order_id_guess > back ? drawing->order_id_guess - back : 1 + back;
}

static void draw_client_order_id(struct drawing *drawing, struct oc_command_new *entry)
{
    if (drawing->shape->client_ids > 0 && below(drawing, 2) == 0) {
        entry->client_order_id.size = (uint8_t)snprintf(
            entry->client_order_id.bytes, sizeof(entry->client_order_id.bytes), "id-%u",
            below(drawing, drawing->shape->client_ids));
        /* A resend must have a chance to say the same as the first time. */
        if (below(drawing, 2) == 0) {
            entry->price_ticks = drawing->shape->price_ticks;
            entry->qty_lots = 1 + below(drawing, 2);
            entry->time_in_force = OC_GOOD_TILL_CANCEL;
        }
    }
}

static void draw_new(struct drawing *drawing, struct oc_command *command)
{
    struct oc_command_new *entry = &command->new_order;

    command->kind = OC_COMMAND_NEW;
    entry->symbol = symbol(below(drawing, drawing->shape->instruments));
    entry->side = (uint8_t)below(drawing, 2);
    entry->time_in_force = below(drawing, 1000) < drawing->shape->immediate ? OC_IMMEDIATE_OR_CANCEL
                                                                            : OC_GOOD_TILL_CANCEL;
    entry->price_ticks = draw_price(drawing);
    entry->qty_lots = draw_quantity(drawing);
    draw_client_order_id(drawing, entry);
    /* Some are rejected and take no id; the guess may run ahead and is pulled back by ids_back. */
    drawing->order_id_guess += below(drawing, 10) != 0;
}

static void draw_replace(struct drawing *drawing, struct oc_command *command)
{
    command->kind = OC_COMMAND_REPLACE;
    command->replace.order_id = draw_order_id(drawing);
    if (below(drawing, 3) != 0) {
        command->replace.price_ticks = draw_price(drawing);
    }
    switch (below(drawing, 3)) {
    case 0:
        command->replace.qty_lots = draw_quantity(drawing);
        break;
    case 1:
        command->replace.total_qty_lots = draw_quantity(drawing);
        break;
    default:
        break;
    }
}

static void draw_mass_cancel(struct drawing *drawing, struct oc_command *command)
{
    command->kind = OC_COMMAND_MASS_CANCEL;
    if (below(drawing, 2) == 0) {
        command->mass_cancel.symbol = symbol(below(drawing, drawing->shape->instruments + 1));
    }
    command->mass_cancel.has_side = below(drawing, 2) == 0;
    command->mass_cancel.side = command->mass_cancel.has_side ? (uint8_t)below(drawing, 2) : 0;
}

static void draw_query(struct drawing *drawing, struct oc_command *command)
{
    switch (below(drawing, 4)) {
    case 0:
        command->kind = OC_COMMAND_OPEN_ORDERS;
        break;
    case 1:
        command->kind = OC_COMMAND_PING;
        command->ping.ping = oc_random_next(&drawing->random);
        break;
    case 2:
        command->kind = OC_COMMAND_REFUSED;
        command->refused.request = OC_COMMAND_CANCEL;
        command->refused.reason = OC_REASON_UNKNOWN_MEMBER;
        command->refused.order_id = below(drawing, 3);
        command->refused.detail = (struct oc_detail){.size = 3, .bytes = "qty"};
        break;
    default:
        command->kind = OC_COMMAND_BOOK;
        command->book.symbol = symbol(below(drawing, drawing->shape->instruments + 1));
        command->book.depth = 1 + below(drawing, below(drawing, 2) == 0 ? 10 : OC_BOOK_DEPTH_MAX);
        break;
    }
}

static void draw_settings(struct drawing *drawing, struct oc_command *command)
{
    command->kind = OC_COMMAND_SESSION_SET;
    command->settings.given = 1 + below(drawing, 7);
    command->settings.values = command->settings.given & below(drawing, 8);
}

static uint64_t session_id(const struct drawing *drawing, uint32_t slot)
{
    return oc_session_make(slot, (drawing->generations[slot] + 1) / 2);
}

static void draw_command(struct drawing *drawing, struct oc_command *command)
{
    const struct flow_shape *shape = drawing->shape;
    uint32_t slot = below(drawing, shape->sessions);
    uint32_t dice = below(drawing, 1000);

    memset(command, 0, sizeof(*command));
    if (drawing->generations[slot] % 2 == 0) {
        drawing->generations[slot]++;
        command->kind = OC_COMMAND_SESSION_OPEN;
        command->session = session_id(drawing, slot);
        return;
    }
    command->session = session_id(drawing, slot);
    command->user_id = 100 + below(drawing, shape->users);
    if (below(drawing, 2) == 0) {
        command->flags = OC_COMMAND_HAS_REQUEST_ID;
        command->request_id = below(drawing, 1000);
    }
    if (dice < shape->session_ends) {
        drawing->generations[slot]++;
        command->kind = OC_COMMAND_SESSION_CLOSE;
    } else if ((dice -= shape->session_ends) < shape->session_changes) {
        draw_settings(drawing, command);
    } else if ((dice -= shape->session_changes) < shape->queries) {
        draw_query(drawing, command);
    } else if ((dice -= shape->queries) < shape->mass_cancels) {
        draw_mass_cancel(drawing, command);
    } else if ((dice -= shape->mass_cancels) < shape->replaces) {
        draw_replace(drawing, command);
    } else if (dice - shape->replaces < shape->cancels) {
        command->kind = OC_COMMAND_CANCEL;
        command->cancel.order_id = draw_order_id(drawing);
    } else {
        if (below(drawing, 50) == 0) {
            command->session = OC_SESSION_VENUE;
        }
        draw_new(drawing, command);
    }
}

static void draw_instrument(struct drawing *drawing, struct oc_command *command, uint32_t index)
{
    memset(command, 0, sizeof(*command));
    command->kind = OC_COMMAND_INSTRUMENT;
    command->instrument = (struct oc_command_instrument){
        .symbol = symbol(index),
        .decimals = 2,
        .tick_ticks = 1 + below(drawing, 2),
        .lot_lots = 1 + below(drawing, 3),
        .price_min_ticks = drawing->shape->price_ticks - 10,
        .price_max_ticks = drawing->shape->price_ticks + 10,
        .qty_min_lots = 1 + below(drawing, 6),
        .qty_max_lots = 50,
    };
}

void flow_make(const struct flow_shape *shape, uint64_t seed, struct oc_command *commands,
               uint32_t count)
{
    struct drawing drawing = {.shape = shape};
    uint32_t made = 0;

    oc_random_init(&drawing.random, seed);
    if (shape->instruments_have_rules) {
        for (uint32_t index = 0; index < shape->instruments && made < count; index++) {
            draw_instrument(&drawing, &commands[made++], index % 3);
        }
    }
    while (made < count) {
        draw_command(&drawing, &commands[made++]);
    }
}
