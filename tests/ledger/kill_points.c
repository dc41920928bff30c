/* Counts what changes a disk, and kills the process before the n-th time. Loaded by LD_PRELOAD. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <unistd.h>

int calls_left = -1;
int calls_made = 0;

static void *next(const char *name) {
    calls_made++;
    if (calls_left >= 0 && calls_left-- == 0) {
        kill(getpid(), SIGKILL);
        pause();
    }
    return dlsym(RTLD_NEXT, name);
}

#define COUNTED(name, parameters, arguments) \
    int name parameters { return ((int(*) parameters)next(#name)) arguments; }

COUNTED(fsync, (int file), (file))
COUNTED(fdatasync, (int file), (file))
COUNTED(rename, (const char *from, const char *to), (from, to))
COUNTED(link, (const char *from, const char *to), (from, to))
COUNTED(linkat, (int a, const char *from, int b, const char *to, int flags), (a, from, b, to, flags))
COUNTED(unlink, (const char *path), (path))
COUNTED(ftruncate64, (int file, long length), (file, length))

long pwrite64(int file, const void *content, unsigned long size, long offset) {
    return ((long (*)(int, const void *, unsigned long, long))next("pwrite64"))(file, content, size, offset);
}
