/*
 * The native side of offheap.lab.NativeLibrary. Functions of their own do the work, so that a native stack has frames with
 * names of the library, as those of real ones have.
 */
#include <jni.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MOST_BLOCKS 256

__attribute__((noinline)) static void *image_decode(size_t bytes)
{
    char *image = malloc(bytes);
    if (image != NULL)
        memset(image, 0x5a, bytes);
    return image;
}

__attribute__((noinline)) static void *segment_map(size_t bytes)
{
    char *segment = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (segment == MAP_FAILED)
        return NULL;
    memset(segment, 0x5b, bytes);
    return segment;
}

/* realloc to less shrinks in place: the rest stays where it is, and what is cut off becomes a hole before the next block. */
__attribute__((noinline)) static void image_scale(int blocks, size_t block_bytes, size_t rest_bytes)
{
    char *taken[MOST_BLOCKS];
    if (blocks > MOST_BLOCKS)
        blocks = MOST_BLOCKS;
    for (int i = 0; i < blocks; i++)
        taken[i] = image_decode(block_bytes);
    for (int i = 0; i < blocks; i++)
        if (taken[i] != NULL)
            taken[i] = realloc(taken[i], rest_bytes);
}

static void fail_if_null(JNIEnv *env, const void *memory)
{
    if (memory == NULL)
        (*env)->ThrowNew(env, (*env)->FindClass(env, "java/lang/OutOfMemoryError"), "native memory");
}

JNIEXPORT void JNICALL Java_offheap_lab_NativeLibrary_keepByMalloc(JNIEnv *env, jclass type, jlong bytes)
{
    (void)type;
    fail_if_null(env, image_decode((size_t)bytes));
}

JNIEXPORT void JNICALL Java_offheap_lab_NativeLibrary_keepByMmap(JNIEnv *env, jclass type, jlong bytes)
{
    (void)type;
    fail_if_null(env, segment_map((size_t)bytes));
}

JNIEXPORT void JNICALL Java_offheap_lab_NativeLibrary_burst(JNIEnv *env, jclass type, jint blocks, jlong block_bytes, jlong rest_bytes)
{
    (void)env;
    (void)type;
    image_scale(blocks, (size_t)block_bytes, (size_t)rest_bytes);
}
