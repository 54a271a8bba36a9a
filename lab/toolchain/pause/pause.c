/*
 * pause: holds a pod's namespaces open. It ends on SIGINT or SIGTERM and reaps the children it is given.
 * Freestanding x86-64: no C library, no heap, one page of code.
 */

#define SYS_RT_SIGPROCMASK 14
#define SYS_EXIT 60
#define SYS_WAIT4 61
#define SYS_RT_SIGTIMEDWAIT 128

#define SIGINT 2
#define SIGTERM 15
#define SIGCHLD 17
#define WNOHANG 1
#define BIT(signal) (1UL << ((signal) - 1))

static long call(long number, long a, long b, long c, long d)
{
	long result;
	register long r10 __asm__("r10") = d;

	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
	return result;
}

void _start(void)
{
	unsigned long watched = BIT(SIGINT) | BIT(SIGTERM) | BIT(SIGCHLD);
	long signal;

	call(SYS_RT_SIGPROCMASK, 0, (long)&watched, 0, sizeof(watched));
	do {
		signal = call(SYS_RT_SIGTIMEDWAIT, (long)&watched, 0, 0, sizeof(watched));
		while (signal == SIGCHLD && call(SYS_WAIT4, -1, 0, WNOHANG, 0) > 0)
			;
	} while (signal != SIGINT && signal != SIGTERM);
	call(SYS_EXIT, 0, 0, 0, 0);
	__builtin_unreachable();
}
