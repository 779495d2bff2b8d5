/* The clock of the peers. */
#ifndef KEYHOP_CLOCK_H
#define KEYHOP_CLOCK_H

#include <time.h>

/* A time that only goes forward, in nanoseconds. */
static inline double nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e9 + now.tv_nsec;
}

#endif
