/*
 * A stand-in for libnvidia-ml.so.1 that plays a scenario: what boards show, and which calls fail, from which time on.
 *
 * It has the functions that the meter calls, with NVML's signatures, error codes and habits as NVIDIA's API reference
 * words them: a board's utilization is sampled at a fixed period into a ring of a few seconds, its energy counter counts
 * millijoules since the driver was loaded, handles die with nvmlShutdown, and a lost board fails every call.
 *
 * The scenario is the file named by FAKE_NVML_SCENARIO, or given to fakeNvmlLoad. `#` begins a comment. Lines before the
 * first `at` set the stage; each `at MS` begins what holds from MS after the scenario's epoch on.
 *
 *     epoch MS                   Unix time of the scenario's beginning; without it, the time at which it is loaded
 *     sampling PERIOD_US RING    how utilization is sampled: period, and samples that the ring holds
 *     driver VERSION
 *     boards N                   boards 0 … N - 1 are there
 *     at MS
 *     reload                     the driver was unloaded: calls fail with 1 (uninitialized) until nvmlInit
 *     fail FUNCTION CODE         FUNCTION of the library: init, count, or all; code 0 ends it
 *     board B FIELD VALUE…       B is a number or `*`. Fields: uuid, serial, name (rest of the line), watts, energy (mJ),
 *                                util (percents, sampled in turn), mig (0, 1), limit (max mW, default mW),
 *                                repeats (1: it gives samples again that were seen already),
 *                                fail FUNCTION CODE with FUNCTION one of handle, uuid, serial, name, samples, rates,
 *                                energy, mig, limit, or all
 *
 * Between two `at` the energy counter of a board grows by watts × ms, which is mJ. The time is the system's, unless the
 * test sets it with fakeNvmlSetTime. Set back, it goes on from there: what was drawn and what was played stands.
 */

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    SUCCESS = 0,
    UNINITIALIZED = 1,
    INVALID_ARGUMENT = 2,
    NOT_SUPPORTED = 3,
    NOT_FOUND = 6,
    INSUFFICIENT_SIZE = 7,
    GPU_NOT_FOUND = 28
};

enum { HANDLE, UUID, SERIAL, NAME, SAMPLES, RATES, ENERGY, MIG, LIMIT, FUNCTIONS };
static const char *const FUNCTION_NAMES[FUNCTIONS] = {"handle", "uuid", "serial", "name",  "samples",
                                                      "rates",  "energy", "mig",  "limit"};

enum { MAX_BOARDS = 16, MAX_PATTERN = 256, MAX_STEPS = 4096, MAX_LINE = 512, MAX_RING = 256 };
enum { GPU_UTILIZATION_SAMPLES = 1, UNSIGNED_INT = 1 };

typedef struct {
    char uuid[96], serial[32], name[96];
    uint64_t energy_mj, watts;
    int mig, repeats, util[MAX_PATTERN], utils, sampled[MAX_RING];
    unsigned max_mw, default_mw;
    int fail[FUNCTIONS];
} Board;

typedef struct {
    int64_t at_ms;
    char line[MAX_LINE];
} Step;

typedef struct {
    unsigned long long timeStamp;
    union {
        double d;
        unsigned int ui;
        unsigned long long ull;
    } sampleValue;
} Sample;

typedef struct {
    unsigned int gpu, memory;
} Utilization;

static Board boards[MAX_BOARDS];
static Step steps[MAX_STEPS];
static int step_count, step_next, board_count, fail_init, fail_count, fail_all, ring = 100;
static int64_t epoch_ms, shown_ms, born_us, set_ms = -1, period_us = 166667;
static char driver[80] = "550.90.07";
static int opened, loaded;
static uintptr_t generation = 1;
static long calls;

static int64_t now_ms(void) {
    struct timespec now;
    if (set_ms >= 0) return set_ms;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int code_of(Board *board, const char *function, int code) {
    int all = !strcmp(function, "all"), known = all;
    for (int i = 0; i < FUNCTIONS; i++)
        if (all || !strcmp(function, FUNCTION_NAMES[i])) board->fail[i] = code, known = 1;
    return known;
}

static int apply_to(Board *board, const char *field, char *rest) {
    char function[32];
    int code, length;
    if (!strcmp(field, "uuid")) return sscanf(rest, "%95s", board->uuid) == 1;
    if (!strcmp(field, "serial")) return sscanf(rest, "%31s", board->serial) == 1;
    if (!strcmp(field, "name")) return sscanf(rest, " %95[^\n]", board->name) == 1;
    if (!strcmp(field, "watts")) return sscanf(rest, "%lu", &board->watts) == 1;
    if (!strcmp(field, "energy")) return sscanf(rest, "%lu", &board->energy_mj) == 1;
    if (!strcmp(field, "mig")) return sscanf(rest, "%d", &board->mig) == 1;
    if (!strcmp(field, "repeats")) return sscanf(rest, "%d", &board->repeats) == 1;
    if (!strcmp(field, "limit")) return sscanf(rest, "%u %u", &board->max_mw, &board->default_mw) == 2;
    if (!strcmp(field, "fail"))
        return sscanf(rest, "%31s %d", function, &code) == 2 && code_of(board, function, code);
    if (strcmp(field, "util")) return 0;
    for (board->utils = 0; board->utils < MAX_PATTERN; rest += length) {
        if (sscanf(rest, "%d%n", &board->util[board->utils], &length) != 1) break;
        board->utils++;
    }
    return board->utils > 0;
}

/* Carry out one line. Returns 0 where it makes no sense. */
static int apply(char *line) {
    char word[32], which[32], field[32];
    int code, used = 0;
    if (sscanf(line, "%31s", word) != 1) return 1;
    if (!strcmp(word, "reload")) {
        opened = 0;
        generation++;
        born_us = (epoch_ms + shown_ms) * 1000;
        return 1;
    }
    if (!strcmp(word, "boards")) return sscanf(line, "%*s %d", &board_count) == 1 && board_count <= MAX_BOARDS;
    if (!strcmp(word, "driver")) return sscanf(line, "%*s %79s", driver) == 1;
    if (!strcmp(word, "epoch")) return sscanf(line, "%*s %ld", &epoch_ms) == 1;
    if (!strcmp(word, "sampling"))
        return sscanf(line, "%*s %ld %d", &period_us, &ring) == 2 && period_us > 0 && ring > 0 && ring <= MAX_RING;
    if (!strcmp(word, "fail")) {
        if (sscanf(line, "%*s %31s %d", which, &code) != 2) return 0;
        if (!strcmp(which, "init")) fail_init = code;
        else if (!strcmp(which, "count")) fail_count = code;
        else if (!strcmp(which, "all")) fail_all = code;
        else return 0;
        return 1;
    }
    if (strcmp(word, "board") || sscanf(line, "%*s %31s %31s%n", which, field, &used) != 2) return 0;
    for (int i = 0; i < MAX_BOARDS; i++)
        if (!strcmp(which, "*") || (isdigit((unsigned char)which[0]) && atoi(which) == i))
            if (!apply_to(&boards[i], field, line + used)) return 0;
    return 1;
}

/* The number of the newest utilization sample of the time shown; sample i is taken i periods after 1970. */
static int64_t newest_sample(void) { return (epoch_ms + shown_ms) * 1000 / period_us; }

/* Let time pass: energy is drawn, utilization is sampled. */
static void pass(int64_t until_ms) {
    int64_t first = newest_sample() + 1, last;
    uint64_t passed_ms = (uint64_t)(until_ms - shown_ms);
    shown_ms = until_ms;
    last = newest_sample();
    if (first < last - ring + 1) first = last - ring + 1;
    for (Board *board = boards; board < boards + MAX_BOARDS; board++) {
        board->energy_mj += board->watts * passed_ms;
        for (int64_t i = first; i <= last && board->utils; i++)
            board->sampled[i % MAX_RING] = board->util[i % board->utils];
    }
}

/* Bring the stage to the present. */
static void play(void) {
    int64_t elapsed = now_ms() - epoch_ms;
    while (step_next < step_count && steps[step_next].at_ms <= elapsed) {
        if (steps[step_next].at_ms > shown_ms) pass(steps[step_next].at_ms);
        apply(steps[step_next++].line);
    }
    if (elapsed > shown_ms) pass(elapsed);
    shown_ms = elapsed;
}

/* Load a scenario and begin it. Returns 0, the number of the first line that makes no sense, or -1 without a file. */
int fakeNvmlLoad(const char *path) {
    char line[MAX_LINE];
    int64_t at_ms = -1;
    int number = 0, wrong = 0;
    FILE *file = fopen(path, "r");
    if (!file) return -1;
    memset(boards, 0, sizeof boards);
    step_count = step_next = board_count = fail_init = fail_count = fail_all = opened = 0;
    shown_ms = 0, period_us = 166667, ring = 100, calls = 0;
    epoch_ms = now_ms();
    generation++;
    loaded = 1;
    while (!wrong && fgets(line, sizeof line, file)) {
        char *comment = strchr(line, '#');
        number++;
        if (comment) *comment = 0;
        if (sscanf(line, " at %ld", &at_ms) == 1) continue;
        if (at_ms < 0) {
            if (!apply(line)) wrong = number;
            born_us = epoch_ms * 1000;
        } else if (line[strspn(line, " \t\n")]) {
            if (step_count == MAX_STEPS || (step_count && steps[step_count - 1].at_ms > at_ms)) wrong = number;
            else {
                steps[step_count].at_ms = at_ms;
                strcpy(steps[step_count++].line, line);
            }
        }
    }
    fclose(file);
    return wrong;
}

/* Set the time, in Unix milliseconds; a negative one gives the time back to the system. */
void fakeNvmlSetTime(int64_t unix_ms) { set_ms = unix_ms; }

/* Return how many functions of NVML were called since the scenario was loaded. */
long fakeNvmlCalls(void) { return calls; }

static int enter(void) {
    calls++;
    if (!loaded) {
        const char *path = getenv("FAKE_NVML_SCENARIO");
        int wrong = path ? fakeNvmlLoad(path) : -1;
        if (wrong) {
            fprintf(stderr, "fake NVML: scenario %s, line %d\n", path ? path : "missing", wrong);
            abort();
        }
    }
    play();
    return SUCCESS;
}

static int ask(void) {
    enter();
    if (!opened) return UNINITIALIZED;
    return fail_all;
}

/* Find the board behind a handle, and fail as the scenario says. */
static int ask_board(void *handle, int function, Board **board) {
    uintptr_t key = (uintptr_t)handle;
    int code = ask();
    if (code) return code;
    if (key >> 8 != generation || (int)(key & 0xff) > board_count || !(key & 0xff)) return INVALID_ARGUMENT;
    *board = &boards[(key & 0xff) - 1];
    return (*board)->fail[function];
}

static int copy(const char *text, char *out, unsigned size) {
    if (strlen(text) >= size) return INSUFFICIENT_SIZE;
    strcpy(out, text);
    return SUCCESS;
}

int nvmlInitWithFlags(unsigned flags) {
    (void)flags;
    enter();
    if (fail_init) return fail_init;
    if (!board_count) return GPU_NOT_FOUND;
    opened++;
    return SUCCESS;
}

int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }

int nvmlShutdown(void) {
    enter();
    if (!opened) return UNINITIALIZED;
    if (!--opened) generation++;
    return SUCCESS;
}

const char *nvmlErrorString(int code) {
    (void)code;
    return "Error of the fake NVML";
}

int nvmlSystemGetDriverVersion(char *version, unsigned size) {
    int code = ask();
    return code ? code : copy(driver, version, size);
}

int nvmlDeviceGetCount_v2(unsigned *count) {
    int code = ask();
    if (!code) code = fail_count;
    if (!code) *count = (unsigned)board_count;
    return code;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) {
    int code = ask();
    if (code) return code;
    if ((int)index >= board_count) return INVALID_ARGUMENT;
    *handle = (void *)(generation << 8 | (index + 1));
    return boards[index].fail[HANDLE];
}

int nvmlDeviceGetUUID(void *handle, char *uuid, unsigned size) {
    Board *board;
    int code = ask_board(handle, UUID, &board);
    return code ? code : copy(board->uuid, uuid, size);
}

int nvmlDeviceGetSerial(void *handle, char *serial, unsigned size) {
    Board *board;
    int code = ask_board(handle, SERIAL, &board);
    if (!code && !board->serial[0]) code = NOT_SUPPORTED;
    return code ? code : copy(board->serial, serial, size);
}

int nvmlDeviceGetName(void *handle, char *name, unsigned size) {
    Board *board;
    int code = ask_board(handle, NAME, &board);
    return code ? code : copy(board->name, name, size);
}

int nvmlDeviceGetUtilizationRates(void *handle, Utilization *rates) {
    Board *board;
    int code = ask_board(handle, RATES, &board);
    if (code) return code;
    if (board->mig || !board->utils) return NOT_SUPPORTED;
    rates->gpu = (unsigned)board->sampled[newest_sample() % MAX_RING];
    rates->memory = 0;
    return SUCCESS;
}

int nvmlDeviceGetSamples(void *handle, int type, unsigned long long seen_us, int *value_type, unsigned *count,
                         Sample *samples) {
    Board *board;
    unsigned found = 0;
    int code = ask_board(handle, SAMPLES, &board);
    if (code) return code;
    if (board->mig || !board->utils || type != GPU_UTILIZATION_SAMPLES) return NOT_SUPPORTED;
    *value_type = UNSIGNED_INT;
    if (!samples) {
        *count = (unsigned)ring;
        return SUCCESS;
    }
    for (int64_t i = newest_sample() - ring + 1; i <= newest_sample(); i++) {
        if (i * period_us <= born_us || (i * period_us <= (int64_t)seen_us && !board->repeats)) continue;
        if (found == *count) return INSUFFICIENT_SIZE;
        samples[found].timeStamp = (unsigned long long)(i * period_us);
        samples[found++].sampleValue.ui = (unsigned)board->sampled[i % MAX_RING];
    }
    *count = found;
    return found ? SUCCESS : NOT_FOUND;
}

int nvmlDeviceGetTotalEnergyConsumption(void *handle, unsigned long long *energy_mj) {
    Board *board;
    int code = ask_board(handle, ENERGY, &board);
    if (!code) *energy_mj = board->energy_mj;
    return code;
}

int nvmlDeviceGetMigMode(void *handle, unsigned *current, unsigned *pending) {
    Board *board;
    int code = ask_board(handle, MIG, &board);
    if (!code) *current = *pending = (unsigned)board->mig;
    return code;
}

int nvmlDeviceGetPowerManagementLimitConstraints(void *handle, unsigned *min_mw, unsigned *max_mw) {
    Board *board;
    int code = ask_board(handle, LIMIT, &board);
    if (!code) *min_mw = 200000, *max_mw = board->max_mw;
    return code;
}

int nvmlDeviceGetPowerManagementDefaultLimit(void *handle, unsigned *limit_mw) {
    Board *board;
    int code = ask_board(handle, LIMIT, &board);
    if (!code) *limit_mw = board->default_mw;
    return code;
}
