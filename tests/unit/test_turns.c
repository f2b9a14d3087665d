/* Much work in turns, in a real event loop. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "enscale_guard/bucket.h"
#include "enscale_guard/turns.h"

#define TASKS 50

static sd_event *event;
static struct turns *turns;
static struct task tasks[TASKS];
static char order[TASKS + 2];
static unsigned done, done_when_served;

static void
note(void *arg)
{
	order[done++] = (char)('a' + ((struct task *)arg - tasks));
}

/* As long as half a turn. */
static void
work(void *arg)
{
	const uint64_t begun = bucket_now();

	(void)arg;
	while (bucket_now() - begun < TURN_USEC / 2)
		;
	done++;
}

static void
again(void *arg)
{
	work(arg);
	if (done < TASKS)
		turns_add(turns, arg);
}

static int
set_up(void **state)
{
	(void)state;
	memset(tasks, 0, sizeof(tasks));
	memset(order, 0, sizeof(order));
	done = done_when_served = 0;
	for (int i = 0; i < TASKS; i++)
		tasks[i] = (struct task){ .run = note,
			.arg = &tasks[i],
			.urgency = URGENT_ENDING };
	if (sd_event_new(&event) < 0)
		return -1;
	return turns_new(event, &turns);
}

static int
tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < TASKS; i++)
		turns_drop(turns, &tasks[i]);
	turns_free(turns);
	sd_event_unref(event);
	return 0;
}

static void
run_loop(void)
{
	while (sd_event_run(event, 20000) > 0)
		;
}

static void
what_is_urgent_comes_first_and_then_who_came_first(void **state)
{
	(void)state;
	tasks[2].urgency = URGENT_LOOKING;
	tasks[3].urgency = URGENT_JUDGING;
	turns_add(turns, &tasks[2]);
	turns_add(turns, &tasks[1]);
	turns_add(turns, &tasks[0]);
	turns_add(turns, &tasks[3]);
	assert_int_equal(done, 0);
	run_loop();
	assert_string_equal(order, "dbac");
}

static void
a_task_that_waits_is_not_added_twice_and_can_be_dropped(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		turns_add(turns, &tasks[0]);
		turns_add(turns, &tasks[1]);
	}
	turns_drop(turns, &tasks[0]);
	turns_drop(turns, &tasks[0]);
	run_loop();
	assert_string_equal(order, "b");
	turns_add(turns, &tasks[1]);
	turns_take(turns);
	assert_string_equal(order, "bb");
}

static int
serve(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	char byte;

	(void)source, (void)revents, (void)arg;
	assert_int_equal(read(fd, &byte, 1), 1);
	done_when_served = done;
	return 0;
}

static void
expect_to_be_served_amid(void)
{
	unsigned begun;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_true(
	    sd_event_add_io(event, NULL, fds[0], EPOLLIN, serve, NULL) >= 0);
	turns_take(turns);
	begun = done;
	assert_in_range(begun, 1, 2);
	assert_int_equal(write(fds[1], "x", 1), 1);
	run_loop();
	assert_int_equal(done, TASKS);
	assert_true(turns_longest(turns) >= TURN_USEC / 2);
	/* In the turn that was due already there may have been some more. */
	assert_in_range(done_when_served, begun, begun + 4);
	close(fds[0]);
	close(fds[1]);
}

static void
who_asks_amid_much_work_is_served_after_the_turn(void **state)
{
	(void)state;
	for (int i = 0; i < TASKS; i++) {
		tasks[i].run = work;
		turns_add(turns, &tasks[i]);
	}
	expect_to_be_served_amid();
}

static void
work_that_adds_itself_again_is_in_turns_too(void **state)
{
	(void)state;
	tasks[0].run = again;
	turns_add(turns, &tasks[0]);
	expect_to_be_served_amid();
}

/* ---- what asks without end ----------------------------------------------- */

static int
ask_again(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	(void)source, (void)fd, (void)revents, (void)arg;
	done_when_served++;
	return 0;
}

static void
who_asks_without_end_does_not_keep_work_from_going_on(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1); /* nobody reads it */
	assert_true(sd_event_add_io(event, NULL, fds[0], EPOLLIN, ask_again,
	                NULL) >= 0);
	tasks[0].run = again;
	turns_add(turns, &tasks[0]);
	for (int i = 0; i < 1000 && done < TASKS; i++)
		sd_event_run(event, 20000);
	assert_int_equal(done, TASKS);
	assert_true(done_when_served > 0);
	close(fds[0]);
	close(fds[1]);
}

/* Judging that is asked for again and again, faster than it is done. */
static void
what_is_more_urgent_without_end_does_not_keep_the_rest_from_going_on(
    void **state)
{
	(void)state;
	tasks[0].run = again;
	tasks[0].urgency = URGENT_JUDGING;
	turns_add(turns, &tasks[0]);
	turns_add(turns, &tasks[1]);
	tasks[2].urgency = URGENT_LOOKING;
	turns_add(turns, &tasks[2]);
	turns_take(turns);
	assert_false(tasks[1].waits);
	assert_false(tasks[2].waits);
	assert_true(tasks[0].waits);
}

/* ---- without a timer ------------------------------------------------------ */

static void
nothing_runs_while_it_is_added_also_without_a_timer(void **state)
{
	(void)state;
	/* A loop that has ended sets none. */
	assert_true(sd_event_exit(event, 0) >= 0);
	while (sd_event_get_state(event) != SD_EVENT_FINISHED)
		sd_event_run(event, 0);
	turns_add(turns, &tasks[0]);
	turns_add(turns, &tasks[1]);
	assert_int_equal(done, 0);
	turns_take(turns);
	assert_string_equal(order, "ab");
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_is_urgent_comes_first_and_then_who_came_first),
		TEST(a_task_that_waits_is_not_added_twice_and_can_be_dropped),
		TEST(who_asks_amid_much_work_is_served_after_the_turn),
		TEST(work_that_adds_itself_again_is_in_turns_too),
		TEST(who_asks_without_end_does_not_keep_work_from_going_on),
		TEST(nothing_runs_while_it_is_added_also_without_a_timer),
		TEST(
		    what_is_more_urgent_without_end_does_not_keep_the_rest_from_going_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
