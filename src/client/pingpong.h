/*
 * The flow `pingpong`: a buy, then a sell that takes it, for ever, each connection on its own
 * symbol.
 *
 * The shortest way through the whole venue with the smallest book: what it measures is the network
 * layer, the codec and the gateway.
 */
#ifndef OC_CLIENT_PINGPONG_H
#define OC_CLIENT_PINGPONG_H

#include <stdint.h>

#include "client/script.h"

#define OC_PINGPONG_PRICE_TICKS 50000
#define OC_PINGPONG_QTY_LOTS    10U

/**
 * Writes the round of two requests and two replies for the user's own symbol (PP and the user id).
 * Returns 0 or -ENOMEM; the caller ends the script with oc_script_deinit in either case.
 */
int oc_pingpong_prepare(uint64_t user_id, struct oc_script *script);

#endif
