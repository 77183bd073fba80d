/* `loop N`: N rounds of four instructions; `calls N`: getppid N times; `none N`: nothing. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	unsigned long count = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;

	if (count && argv[1][0] == 'l')
		__asm__ volatile("xor %%eax, %%eax\n"
				 "1:\tadd %0, %%rax\n\txor $85, %%rax\n\tdec %0\n\tjnz 1b"
				 : "+r"(count) : : "rax", "cc");
	else if (count && argv[1][0] == 'c')
		while (count--)
			syscall(SYS_getppid);
	return 0;
}
