"""The accounts that must be balanced when a machine is off: what is left of the kernel core's own objects."""


def core_leaks(kernel):
    """A line for everything of the kernel core that was made and is still there after power-off."""
    found = []
    cache = kernel.skb_cache
    if cache.live:
        found.append(f"sk_buff: {cache.live} are live")
    if cache.leaked:
        found.append(f"sk_buff: {cache.leaked} were dropped without being freed")
    if kernel.slab.objects_in_use:
        found.append(f"slab: {kernel.slab.objects_in_use} objects, {kernel.slab.bytes_in_use} bytes are in use")
    if kernel.timers.active:
        found.append(f"timers: {kernel.timers.active} are armed")
        found += [f"timer: {timer.function or type(timer).__name__}" for timer in kernel.timers.armed()]
    found += kernel.irq.leaks()
    found += kernel.shm.leaks()
    for task in kernel.pids.tasks():
        if not task.is_kthread() and (kernel.last_task is None or task.signal is not kernel.last_task.signal):
            found.append(f"task: {task.comm}[{task.pid}] is left")
    return found
