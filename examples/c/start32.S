# A start file for i386 programs without a C library: _start, and the system calls that they make.
#
# The kernel starts a program with argc at (%esp) and argv behind it.  A system call takes its number in %eax and its
# arguments in %ebx, %ecx, %edx, %esi, %edi and %ebp, and `int $0x80` answers in %eax.

        .text
        .globl  _start
_start:
        xorl    %ebp, %ebp              # the outermost frame
        movl    (%esp), %eax            # argc
        leal    4(%esp), %ecx           # argv
        andl    $-16, %esp
        subl    $8, %esp
        pushl   %ecx
        pushl   %eax
        call    main
        movl    %eax, %ebx
        movl    $1, %eax                # exit
        int     $0x80

# long syscall3(long number, long a, long b, long c)
        .globl  syscall3
syscall3:
        pushl   %ebx
        movl    8(%esp), %eax
        movl    12(%esp), %ebx
        movl    16(%esp), %ecx
        movl    20(%esp), %edx
        int     $0x80
        popl    %ebx
        ret

# long socketcall(int call, long *arguments): all of BSD's socket calls through one number
        .globl  socketcall
socketcall:
        pushl   %ebx
        movl    $102, %eax
        movl    8(%esp), %ebx
        movl    12(%esp), %ecx
        int     $0x80
        popl    %ebx
        ret

        .section .note.GNU-stack, "", @progbits
