"""Users that a container can become where the kernel knows only one: calls about users are answered by a process of
ours."""
