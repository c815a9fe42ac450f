/* A wall clock that can be set for some processes only: preloaded, it adds to CLOCK_REALTIME what a file holds.
 *
 * WALL_CLOCK_FILE names a file with one 64-bit integer, nanoseconds. Monotonic clocks stay as they are, as they do
 * when somebody sets the clock of a machine. (libfaketime 0.9.10, Debian 12's, can't do that: with monotonic
 * clocks left alone its clock_nanosleep fails with EINVAL.)
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *offset;
static int (*real)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("WALL_CLOCK_FILE");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

    real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    if (fd < 0)
        return;
    void *memory = mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, fd, 0);
    if (memory != MAP_FAILED)
        offset = memory;
    close(fd);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    if (!real)
        begin();
    int result = real(clock, now);
    if (result == 0 && offset && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        int64_t all = now->tv_nsec + *offset % 1000000000;
        now->tv_sec += *offset / 1000000000 + (all < 0 ? -1 : all / 1000000000);
        now->tv_nsec = (all + 1000000000) % 1000000000;
    }
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec precise;
    (void)zone;
    int result = clock_gettime(CLOCK_REALTIME, &precise);
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return result;
}

time_t time(time_t *where)
{
    struct timespec precise;
    clock_gettime(CLOCK_REALTIME, &precise);
    if (where)
        *where = precise.tv_sec;
    return precise.tv_sec;
}
