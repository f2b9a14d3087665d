# enscalectl
