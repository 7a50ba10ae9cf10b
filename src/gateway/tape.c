/*
 * The public tape: bytes that every listening session gets, encoded once.
 *
 * Within a turn public bytes gather in shared chunks. A session is given the run that it has not
 * got yet when it gets a reply of its own (so that its order is the engine's) and at the end of the
 * turn. With a thousand listeners a trade costs one encoding, and a turn one reference for each
 * listener.
 */
#include <errno.h>
#include <string.h>

#include "core/assert.h"
#include "gateway/internal.h"

static struct oc_gateway__tape_piece *piece_for(struct oc_gateway *gateway,
                                                struct oc_gateway__tape *tape, uint32_t size);

int oc_gateway__tape_init(struct oc_gateway__tape *tape, struct oc_arena *arena,
                          uint32_t sessions_max)
{
    tape->listeners = oc_arena_alloc(arena, sessions_max, sizeof *tape->listeners, 0);
    tape->spare = oc_arena_alloc(arena, 1, OC_IO_CHUNK_BYTES, 0);
    return tape->listeners == NULL || tape->spare == NULL ? -ENOMEM : 0;
}

void oc_gateway__tape_choose(struct oc_gateway *gateway, struct oc_gateway__session *session,
                             uint8_t hears)
{
    if (session->tape == hears) {
        return;
    }
    if (session->tape != 0) {
        struct oc_gateway__tape *tape = &gateway->tapes[session->tape];
        uint32_t last;
        oc_gateway__tape_catch_up(gateway, session);
        last = tape->listeners[--tape->listener_count];
        tape->listeners[session->tape_place] = last;
        gateway->sessions[last].tape_place = session->tape_place;
    }
    session->tape = hears;
    if (hears != 0) {
        struct oc_gateway__tape *tape = &gateway->tapes[hears];
        session->tape_place = tape->listener_count;
        session->tape_seen = tape->position;
        tape->listeners[tape->listener_count++] = session->conn.index;
    }
}

void oc_gateway__tape_append(struct oc_gateway *gateway, struct oc_gateway__tape *tape,
                             const uint8_t *bytes, uint32_t size)
{
    struct oc_gateway__tape_piece *piece;
    OC_ASSERT(size <= OC_IO_CHUNK_BYTES);
    if (tape->listener_count == 0) {
        return;
    }
    piece = piece_for(gateway, tape, size);
    memcpy(piece->bytes + piece->size, bytes, size);
    piece->size += size;
    tape->position += size;
}

void oc_gateway__tape_catch_up(struct oc_gateway *gateway, struct oc_gateway__session *session)
{
    const struct oc_gateway__tape *tape = &gateway->tapes[session->tape];
    uint64_t piece_start = tape->start;
    if (session->tape == 0 || session->tape_seen == tape->position) {
        return;
    }
    OC_ASSERT(session->tape_seen >= tape->start);
    for (uint32_t i = 0; i < tape->piece_count; i++) {
        const struct oc_gateway__tape_piece *piece = &tape->pieces[i];
        uint64_t piece_end = piece_start + piece->size;
        if (session->tape_seen < piece_end) {
            uint32_t offset = (uint32_t)(session->tape_seen - piece_start);
            uint32_t size = piece->size - offset;
            if (piece->chunk == OC_INDEX_NONE) {
                oc_gateway__deliver(gateway, session, piece->bytes + offset, size);
            } else {
                oc_gateway__deliver_shared(gateway, session, piece->chunk, offset, size);
            }
            session->tape_seen = piece_end;
        }
        piece_start = piece_end;
    }
    OC_ASSERT(session->tape_seen == tape->position);
}

void oc_gateway__tape_flush(struct oc_gateway *gateway, struct oc_gateway__tape *tape)
{
    for (uint32_t i = 0; i < tape->listener_count; i++) {
        oc_gateway__tape_catch_up(gateway, &gateway->sessions[tape->listeners[i]]);
    }
    for (uint32_t i = 0; i < tape->piece_count; i++) {
        if (tape->pieces[i].chunk != OC_INDEX_NONE) {
            gateway->ops->chunk_release(gateway->io, tape->pieces[i].chunk);
        }
    }
    tape->piece_count = 0;
    tape->start = tape->position;
}

/* The last piece if `size` bytes still fit, else a new one; hands out the tape when it is full. */
static struct oc_gateway__tape_piece *piece_for(struct oc_gateway *gateway,
                                                struct oc_gateway__tape *tape, uint32_t size)
{
    struct oc_gateway__tape_piece *piece;
    if (tape->piece_count > 0) {
        piece = &tape->pieces[tape->piece_count - 1];
        if (piece->size + size <= OC_IO_CHUNK_BYTES) {
            return piece;
        }
        /* The spare memory is one piece only. */
        if (tape->piece_count == OC_GATEWAY_TAPE_CHUNKS_MAX || piece->chunk == OC_INDEX_NONE) {
            oc_gateway__tape_flush(gateway, tape);
        }
    }
    piece = &tape->pieces[tape->piece_count];
    *piece = (struct oc_gateway__tape_piece){.chunk = OC_INDEX_NONE, .bytes = tape->spare};
    if (gateway->ops->chunk_open(gateway->io, &piece->chunk, &piece->bytes) != 0 &&
        (!oc_gateway__free_chunks(gateway) ||
         gateway->ops->chunk_open(gateway->io, &piece->chunk, &piece->bytes) != 0)) {
        piece->chunk = OC_INDEX_NONE;
        piece->bytes = tape->spare;
    }
    tape->piece_count++;
    return piece;
}
