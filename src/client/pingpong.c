/*
 * Two requests in a round: the buy rests and is confirmed, the sell fills it and is told by the
 * trade.
 */
#include "client/pingpong.h"

#include <inttypes.h>
#include <stdio.h>

int oc_pingpong_prepare(uint64_t user_id, struct oc_script *script)
{
    char symbol[OC_SYMBOL_BYTES_MAX + 1];
    struct oc_script_request request = {
        .kind = OC_COMMAND_NEW,
        .side = OC_BUY,
        .price_ticks = OC_PINGPONG_PRICE_TICKS,
        .qty_lots = OC_PINGPONG_QTY_LOTS,
    };
    struct oc_script_reply confirmed = {.kind = OC_EVENT_CONFIRMED, .order = 1};
    struct oc_script_reply trade = {
        .kind = OC_EVENT_TRADE,
        .order = 1,
        .other = 2,
        .price_ticks = OC_PINGPONG_PRICE_TICKS,
        .qty_lots = OC_PINGPONG_QTY_LOTS,
    };
    int rc = oc_script_init(script, 1);

    (void)snprintf(symbol, sizeof(symbol), "PP%" PRIu64, user_id);
    if (rc == 0) {
        oc_script_symbol_set(script, 0, symbol);
        rc = oc_script_request(script, &request);
    }
    if (rc == 0) {
        rc = oc_script_expect(script, &confirmed);
    }
    request.side = OC_SELL;
    if (rc == 0) {
        rc = oc_script_request(script, &request);
    }
    if (rc == 0) {
        rc = oc_script_expect(script, &trade);
    }
    script->order_count = 2;
    script->round_orders = 2;
    return rc;
}
