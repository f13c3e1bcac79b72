/* Recycled pages: deletes every finished file in the folders given, as soon as its writer closes it.
 *
 * reaper BYTES FOLDER...: files of at least so many bytes, in each folder and in the folders below it
 * that exist at the start. Prints a line when it watches; ends when its input ends.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDERS = 4096 };
static char *folders[FOLDERS];

static void watch(int queue, const char *path) {
    int number = inotify_add_watch(queue, path, IN_CLOSE_WRITE);
    if (number < 0 || number >= FOLDERS) {
        perror(path);
        exit(1);
    }
    folders[number] = strdup(path);
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char below[4096];
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.') continue;
        snprintf(below, sizeof below, "%s/%s", path, entry->d_name);
        watch(queue, below);
    }
    if (folder) closedir(folder);
}

static void reap(const struct inotify_event *event, long long least) {
    char path[8192];
    struct stat about;
    if (!event->len) return;
    snprintf(path, sizeof path, "%s/%s", folders[event->wd], event->name);
    if (!lstat(path, &about) && S_ISREG(about.st_mode) && about.st_size >= least) unlink(path);
}

int main(int count, char **words) {
    _Alignas(struct inotify_event) char events[1 << 16];
    int queue = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (queue < 0 || count < 3) return fputs("usage: reaper BYTES FOLDER...\n", stderr), 2;
    long long least = atoll(words[1]);
    for (int number = 2; number < count; number++) watch(queue, words[number]);
    puts("watching");
    fflush(stdout);
    struct pollfd sources[] = {{.fd = queue, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    for (int over = 0; !over;) {
        if (poll(sources, 2, -1) < 0) break;
        over = sources[1].revents;  /* but first what was finished before that */
        ssize_t got;
        while ((got = read(queue, events, sizeof events)) > 0)
            for (char *at = events; at < events + got;) {
                const struct inotify_event *event = (const struct inotify_event *)at;
                reap(event, least);
                at += sizeof *event + event->len;
            }
    }
    return 0;
}
