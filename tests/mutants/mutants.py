"""The mutants: one broken rule each, and the test that must notice.

A row is (name, file under src/, old text that occurs once, new text, what it breaks, test program,
test).
The bug numbers are those of docs/matching-rules.md, "Mistakes of others".
"""

MUTANTS = [
    # Priority.
    ("last in, first out", "book/book.c",
     "    return store->levels.levels[best].head;",
     "    return store->levels.levels[best].tail;",
     "rule 1", "engine.rules", "rule_01_first_come_first_served_among_many"),
    ("new orders enter at the front", "book/book.c",
     """    order->next = OC_INDEX_NONE;
    order->previous = level->tail;
    if (level->tail != OC_INDEX_NONE) {
        store->orders.orders[level->tail].next = index;
    } else {
        level->head = index;
    }
    level->tail = index;""",
     """    order->previous = OC_INDEX_NONE;
    order->next = level->head;
    if (level->head != OC_INDEX_NONE) {
        store->orders.orders[level->head].previous = index;
    } else {
        level->tail = index;
    }
    level->head = index;""",
     "rule 4", "engine.rules", "rule_04_remainder_rests_behind_all_at_its_own_limit"),
    ("worst bid first", "book/levels.h",
     "    return (price_ticks ^ -(int64_t)side) + (int64_t)side;",
     "    return -price_ticks + 0 * (int64_t)side;",
     "rule 1", "engine.rules", "rule_01_better_price_first_then_first_come"),
    ("partly filled maker goes to the back", "book/book.c",
     """    if (order->open_lots > 0) {
        return false;
    }
    level_leave(store, book, order);
    return true;""",
     """    if (order->open_lots > 0) {
        int64_t price_ticks = level->price_ticks;
        oc_book_take(store, book, index);
        oc_book_append(store, book, index, price_ticks, NULL);
        return false;
    }
    level_leave(store, book, order);
    return true;""",
     "rule 5, bug 4", "engine.rules", "rule_05_partly_filled_keeps_its_place"),
    # Prices of trades.
    ("trades at the taker's price", "engine/match.c",
     "    int64_t price_ticks = oc_book_price(&engine->store, maker);",
     "    int64_t price_ticks = taker->price_ticks;",
     "rule 2, bug 1", "engine.rules", "rule_02_prints_at_the_resting_price"),
    ("trades at the buyer's price", "engine/match.c",
     "    int64_t price_ticks = oc_book_price(&engine->store, maker);",
     """    int64_t price_ticks = taker->side == OC_BUY ? taker->price_ticks
                                                : oc_book_price(&engine->store, maker);""",
     "rule 2, bug 1", "engine.rules", "rule_02_prints_at_the_resting_price"),
    ("trades at the taker's price after a replace", "engine/match.c",
     "    int64_t price_ticks = oc_book_price(&engine->store, maker);",
     """    int64_t price_ticks = taker->order != OC_INDEX_NONE
                              ? taker->price_ticks
                              : oc_book_price(&engine->store, maker);""",
     "rule 2, bug 1", "engine.bugs", "bug_01_print_at_the_takers_price_after_replace"),
    ("buyer and seller swapped", "engine/match.c",
     "    bool taker_buys = taker->side == OC_BUY;",
     "    bool taker_buys = taker->side == OC_SELL;",
     "rule 2", "engine.rules", "rule_02_trade_names_both_sides"),
    # Limits.
    ("an exact touch does not trade", "book/book.h",
     "    return book->sides[oc_side_opposite(side)].best_key >=\n",
     "    return book->sides[oc_side_opposite(side)].best_key >\n",
     "rule 3, bug 7", "engine.rules", "rule_03_an_exact_touch_trades"),
    ("sweeps beyond its limit once it trades", "engine/match.c",
     "           oc_book_crosses(book, (enum oc_side)taker->side, taker->price_ticks)) {",
     """           (oc_book_crosses(book, (enum oc_side)taker->side, taker->price_ticks) ||
            (taker->filled_lots > 0 &&
             book->sides[oc_side_opposite((enum oc_side)taker->side)].count > 0))) {""",
     "rule 3, bug 7", "engine.bugs", "bug_07_sweep_goes_beyond_its_limit"),
    ("only the best level is swept", "engine/match.c",
     "        trade(engine, command);\n    }",
     """        uint32_t best = book->sides[oc_side_opposite((enum oc_side)taker->side)].best;
        trade(engine, command);
        if (book->sides[oc_side_opposite((enum oc_side)taker->side)].best != best) {
            break;
        }
    }""",
     "rules 3 and 20, bug 7", "engine.bugs", "bug_12_sweep_of_many_levels"),
    ("remainder rests at the last trade's price", "engine/match.c",
     "    if (used_up) {\n        if (maker_reports) {",
     "    taker->price_ticks = price_ticks;\n    if (used_up) {\n        if (maker_reports) {",
     "rule 4", "engine.rules", "rule_04_remainder_rests_behind_all_at_its_own_limit"),
    # Immediate-or-cancel.
    ("immediate rest stays in the book", "engine/match.c",
     "               command->new_order.time_in_force == OC_IMMEDIATE_OR_CANCEL) {",
     "               command->new_order.time_in_force > OC_IMMEDIATE_OR_CANCEL) {",
     "rule 7, bug 6", "engine.bugs", "bug_06_immediate_residual_rests"),
    # Leaving the book.
    ("cancel of one orphans what is behind it", "book/book.c",
     "    *behind_previous = order->next;",
     "    *behind_previous = order->previous != OC_INDEX_NONE ? OC_INDEX_NONE : order->next;",
     "rule 6, bug 2", "engine.bugs", "bug_02_cancel_in_the_middle_breaks_the_queue"),
    ("cancel of the first forgets the rest", "book/book.c",
     "    *behind_previous = order->next;",
     "    *behind_previous = order->previous != OC_INDEX_NONE ? order->next : level->tail;",
     "rule 6, bug 2", "engine.bugs", "bug_02_cancel_of_the_first_orphans_the_rest"),
    ("cancel drops the whole level", "book/book.c",
     "    if (store->levels.levels[level].order_count == 0) {\n"
     "        OC_ASSERT(store->levels.levels[level].total_lots == 0);",
     "    if (store->levels.levels[level].order_count < 2) {\n"
     "        store->levels.levels[level].order_count = 0;",
     "rule 6, bug 2", "engine.bugs", "bug_02_cancel_in_the_middle_breaks_the_queue"),
    ("filled maker stays in the id index", "engine/match.c",
     "        oc_engine__order_forget(engine, maker_index);",
     "        (void)maker_index;",
     "rule 6, bug 3", "engine.bugs", "bug_03_filled_maker_stays_known"),
    ("fill is not taken from the maker", "book/book.c",
     "    order->open_lots -= qty_lots;\n    order->filled_lots += qty_lots;",
     "    if (order->open_lots == qty_lots) {\n        order->open_lots = 0;\n    }\n"
     "    order->filled_lots += qty_lots;",
     "rules 5 and 19, bug 4", "engine.bugs", "bug_04_partly_filled_maker_is_written_back"),
    ("fill is not taken from the level", "book/book.c",
     "    level->total_lots -= qty_lots;\n    if",
     "    level->total_lots -= qty_lots / 2;\n    if",
     "rule 19, bug 4", "book.book", "fill_in_parts_keeps_the_place"),
    ("fill is not written down", "book/book.c",
     "    order->filled_lots += qty_lots;",
     "    order->filled_lots = qty_lots;",
     "rule 19", "engine.conservation", "conservation"),
    ("stale best price", "book/levels.c",
     "    best_refresh(pool, levels);\n}",
     "    if (levels->count == 0) {\n        best_refresh(pool, levels);\n    }\n}",
     "rule 6, bug 5", "engine.bugs", "bug_05_stale_best_after_cancel_of_the_best"),
    ("phantom level", "book/book.c",
     "        oc_book_levels_remove(&store->levels, "
     "&book->sides[oc_book_order_side(order)], level);",
     "        (void)book;",
     "rule 6, bug 5", "engine.bugs", "bug_05_phantom_level_after_its_last_fill"),
    ("id index forgets a neighbour", "book/index_map.c",
     "        if (((cell - home) & map->mask) >= ((cell - hole) & map->mask)) {",
     "        if (((cell - home) & map->mask) > ((cell - hole) & map->mask)) {",
     "rule 6, bug 3", "book.index_map", "one_hash_for_all"),
    ("id index wraps wrongly", "book/index_map.c",
     "        if (((cell - home) & map->mask) >= ((cell - hole) & map->mask)) {",
     "        if (home <= hole) {",
     "rule 6, bug 3", "book.index_map", "wraps_around_the_end"),
    # Replace.
    ("replace of the same size loses its place", "engine/replace.c",
     "        target.open_lots <= engine->store.orders.orders[order].open_lots) {",
     "        target.open_lots < engine->store.orders.orders[order].open_lots) {",
     "rule 12", "engine.rules", "rule_12_smaller_at_the_same_price_keeps_its_place"),
    ("replace to a larger size keeps its place", "engine/replace.c",
     """        target.open_lots <= engine->store.orders.orders[order].open_lots) {
        oc_book_reduce(&engine->store, order, target.open_lots);""",
     """        target.open_lots > 0) {
        struct oc_book_order *kept = &engine->store.orders.orders[order];
        engine->store.levels.levels[kept->level].total_lots += target.open_lots - kept->open_lots;
        kept->open_lots = target.open_lots;""",
     "rule 12", "engine.rules", "rule_12_larger_goes_to_the_back"),
    ("replace rests crossed", "engine/replace.c",
     "    enter_again(engine, &target, order);\n    engine->stage = OC_ENGINE__STAGE_REST;\n"
     "    return oc_engine__match(engine, command);",
     """    enter_again(engine, &target, order);
    engine->store.orders.orders[order].open_lots = target.open_lots;
    oc_book_append(&engine->store, &engine->instruments[engine->taker.instrument].book, order,
                   target.price_ticks, NULL);
    return true;""",
     "rules 12 and 20, bug 8", "engine.rules", "rule_12_crossing_matches_without_confirmation"),
    ("replace leaves its old level behind", "engine/replace.c",
     "    oc_book_take(&engine->store, &engine->instruments[instrument].book, order);",
     "    engine->store.orders.orders[order].level = OC_INDEX_NONE;",
     "rule 12, bug 8", "engine.bugs", "bug_08_replace_into_the_spread_and_across"),
    ("replace counts its total as open", "engine/replace.c",
     "                               ? replace->total_qty_lots - record->filled_lots",
     "                               ? replace->total_qty_lots",
     "rules 12 and 19", "engine.rules", "rule_12_total_counts_what_is_filled"),
    ("replace wraps below what is filled", "engine/replace.c",
     "        target.open_lots = replace->total_qty_lots > record->filled_lots\n"
     "                               ? replace->total_qty_lots - record->filled_lots\n"
     "                               : 0;",
     "        target.open_lots = replace->total_qty_lots - record->filled_lots;",
     "rule 12, bug 9", "engine.rules", "rule_12_total_counts_what_is_filled"),
    ("failing replace leaves its queue", "engine/replace.c",
     "        reason = check(engine, &target, order);\n    }",
     """        reason = check(engine, &target, order);
        if (reason != OC_REASON_NONE) {
            enter_again(engine, &target, order);
            oc_book_append(&engine->store, &engine->instruments[engine->taker.instrument].book,
                           order, engine->taker.price_ticks, NULL);
        }
    }""",
     "rule 12", "engine.rules", "rule_12_a_failing_replace_changes_nothing"),
    ("replaced order confirms", "engine/match.c",
     "    } else {\n"
     "        engine->store.orders.orders[taker->order].open_lots = taker->open_lots;",
     "    } else {\n"
     "        oc_engine__describe_taker(engine, command,\n"
     "                       oc_engine__reply(engine, command, OC_EVENT_CONFIRMED,\n"
     "                                        taker->instrument));\n"
     "        engine->store.orders.orders[taker->order].open_lots = taker->open_lots;",
     "rule 12", "engine.rules", "rule_12_another_price_goes_to_the_back"),
    # Fills.
    ("overfill of the maker", "engine/match.c",
     "    uint64_t qty_lots = maker->open_lots < taker->open_lots ? maker->open_lots : "
     "taker->open_lots;",
     "    uint64_t qty_lots = maker->open_lots;",
     "rule 19, bug 9", "engine.bugs", "bug_09_no_empty_fills_and_no_overfill"),
    ("empty fills at the end", "engine/match.c",
     "    while (taker->open_lots > 0 &&\n",
     "    while (taker->filled_lots + 1 > taker->filled_lots &&\n",
     "rule 19, bug 9", "engine.bugs", "bug_09_no_empty_fills_and_no_overfill"),
    # Limits.
    ("a full pool of orders is not noticed", "engine/enter.c",
     "    if (rests && !oc_book_orders_have_room(&engine->store.orders)) {",
     "    if (!rests && !oc_book_orders_have_room(&engine->store.orders)) {",
     "rule 21, bug 10", "engine.capacity", "orders"),
    ("an order that fills is refused for room", "engine/enter.c",
     """    bool rests = entry->time_in_force == OC_GOOD_TILL_CANCEL &&
                 (instrument == OC_INDEX_NONE ||
                  !oc_book_crosses(&engine->instruments[instrument].book, (enum oc_side)entry->side,
                                   entry->price_ticks));""",
     "    bool rests = entry->time_in_force == OC_GOOD_TILL_CANCEL;",
     "rule 21", "engine.capacity", "orders_are_not_needed_to_fill"),
    ("level total wraps", "book/book.c",
     "        return store->levels.levels[place->level].total_lots <= UINT64_MAX - qty_lots",
     "        return store->levels.levels[place->level].total_lots + qty_lots > 0",
     "rule 21, bug 9", "engine.capacity", "level_total"),
    ("one level too few", "book/book.c",
     "        (freed_level != OC_INDEX_NONE && "
     "store->levels.levels[freed_level].order_count == 1)) {",
     "        false) {",
     "rule 21", "engine.capacity", "levels_of_a_replace"),
    ("a rejected order makes its user", "engine/enter.c",
     "    check_client_id(engine, entry, &finding);\n    if",
     """    check_client_id(engine, entry, &finding);
    if (finding.user == OC_INDEX_NONE && finding.reason != OC_REASON_NONE) {
        union {
            const struct oc_engine *constant;
            struct oc_engine *writable;
        } both = {.constant = engine};
        finding.user = oc_engine__user_make(both.writable, command->user_id);
    }
    if""",
     "rule 21, bug 10", "engine.capacity", "client_order_ids"),
    # Identity.
    ("cancel by anyone", "engine/owners.c",
     "    if (order != OC_INDEX_NONE && engine->store.orders.orders[order].user_id != user_id) {",
     "    if (order != OC_INDEX_NONE && user_id == UINT64_MAX) {",
     "rule 16", "engine.rules", "rule_16_of_another_user_is_unknown"),
    ("a resend trades again", "engine/enter.c",
     "            finding->duplicate = known;",
     "            finding->duplicate = OC_INDEX_NONE;",
     "client_order_id", "engine.users", "a_resend_is_answered_with_what_became_of_it"),
    ("a reuse with another price is a resend", "engine/enter.c",
     "            first->price_ticks == entry->price_ticks && "
     "first->qty_lots == entry->qty_lots) {",
     "            first->qty_lots == entry->qty_lots) {",
     "client_order_id", "engine.users", "every_part_of_the_content_counts"),
    ("a forgotten id writes into another's", "engine/users.c",
     "            engine->links[oldest->order].client_id = OC_INDEX_NONE;",
     "            oldest->filled_lots = 0;",
     "client_order_id", "engine.users", "the_window_forgets_the_oldest"),
    ("a reused session slot inherits reports", "engine/internal.h",
     "    return found->id == session ? found : NULL;",
     "    return found->id != 0 ? found : NULL;",
     "reports", "engine.replies", "reports_end_with_the_session"),
    # Sweeps.
    ("mass cancel goes worst price first", "engine/sweep.c",
     "        return first->level_key > second->level_key;",
     "        return first->level_key < second->level_key;",
     "rule 17", "engine.rules", "rule_17_order_of_a_mass_cancel"),
    ("mass cancel goes last come first", "engine/sweep.c",
     "    return first->priority < second->priority;",
     "    return first->priority > second->priority;",
     "rule 17, bug 11", "engine.rules", "rule_17_order_of_a_mass_cancel"),
    ("mass cancel ignores its side", "engine/withdraw.c",
     "            (!filter->has_side || (uint32_t)oc_book_order_side(record) == filter->side)) {",
     "            filter->side <= OC_SELL) {",
     "rule 17", "engine.rules", "rule_17_symbol_and_side_choose"),
    ("mass cancel of a book takes everybody's", "engine/withdraw.c",
     "                if (engine->links[order].user == user) {",
     "                if (engine->links[order].user != user + 100) {",
     "rules 16 and 17", "engine.rules", "rule_17_by_book_or_by_user"),
    ("disconnect cancels without being asked", "engine/withdraw.c",
     "        if ((session->settings & OC_SETTING_CANCEL_ON_DISCONNECT) != 0) {",
     "        if (session->settings != 0) {",
     "cancel_on_disconnect", "engine.sessions", "orders_stay_without_the_setting"),
    ("a full log loses the rest of a sweep", "engine/match.c",
     "        if (!oc_engine__has_room(engine)) {\n            return false;\n        }\n"
     "        trade(engine, command);",
     "        if (!oc_engine__has_room(engine)) {\n"
     "            taker->open_lots = 0;\n            break;\n"
     "        }\n        trade(engine, command);",
     "bug 10", "engine.sweep", "deep_sweep_that_fills"),
    # Volatile, or the compiler might make a jump of the call.
    ("a sweep calls itself for each fill", "engine/match.c",
     "        trade(engine, command);\n    }",
     """        trade(engine, command);
        volatile bool done = oc_engine__match(engine, command);
        return done;
    }""",
     "bug 12", "engine.sweep", "deep_sweep_without_stops"),
    ("maker is told after its slot is free", "engine/match.c",
     "            oc_engine__describe(engine, event, maker_index, price_ticks);\n        }\n"
     "        oc_engine__order_forget(engine, maker_index);",
     "            oc_engine__order_forget(engine, maker_index);\n"
     "            oc_book_orders_add(&engine->store.orders,\n"
     "                          &(struct oc_book_order_entry){\n"
     "                              .id = OC_ORDER_ID_MAX,\n"
     "                              .open_lots = 1,\n"
     "                              .client_order_id = &(struct oc_client_order_id){0},\n"
     "                          });\n"
     "            oc_engine__describe(engine, event, maker_index, price_ticks);\n"
     "            oc_book_orders_remove(&engine->store.orders, maker_index);\n"
     "        } else {\n            oc_engine__order_forget(engine, maker_index);\n        }",
     "bug 14", "engine.bugs", "bug_14_maker_is_told_before_it_is_forgotten"),
    ("a session's last user is taken for its next", "engine/enter.c",
     "        engine->users[session->user].user_id == command->user_id) {",
     "        engine->users[session->user].user_id <= command->user_id) {",
     "client_order_id", "engine.users", "a_session_acts_for_several_users"),
    # Hashes.
    ("the end of a text is not hashed", "book/hash.h",
     "(rest + key->words[4])",
     "(key->words[4])",
     "collisions", "book.hash", "every_byte_and_the_number_count"),
    ("every process hashes alike", "book/hash.h",
     "uint64_t word = seed += 0x9E3779B97F4A7C15ULL;",
     "uint64_t word = (index + 1 + 0 * seed) * 0x9E3779B97F4A7C15ULL;",
     "collisions", "book.hash", "collisions_do_not_outlive_the_seed"),
    # Levels in the large.
    ("a new level enters at the end", "book/levels.c",
     "        entry_insert(&pool->nodes[place.leaf], place.position, key, level);",
     "        entry_insert(&pool->nodes[place.leaf], pool->nodes[place.leaf].count, key, level);",
     "rule 1", "book.book", "append_at_a_known_place"),
    ("a split array loses its neighbour", "book/levels.c",
     "            pool->nodes[right_node->next].previous = right;\n        } else {",
     "            pool->nodes[right_node->next].previous = left;\n        } else {",
     "rule 1, bug 5", "book.levels", "random_churn"),
    ("shared arrays forget their separator", "book/levels.c",
     "    parent->keys[right_position] = right->keys[0];\n    return false;",
     "    return false;",
     "rule 6, bug 5", "book.levels", "random_churn"),
]
