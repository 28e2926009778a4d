/* An ALSA device that is as narrow as a real card: one rate, one number of channels, one type of sample.
 *
 * ALSA's own plug-ins widen what a device takes; none of them narrows a rate. This one refuses all but its
 * own form and passes the sound on to another device as it is. It is there only while a file exists, so that
 * a USB card can be pulled: then opening, reading and writing give ENODEV, as the kernel's cards do.
 *
 *     pcm.NAME { type strict slave "PCM" rate 48000 channels 2 format "S32_LE" plugged "FILE" }
 */

#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>
#include <unistd.h>

typedef struct {
    snd_pcm_ioplug_t io;
    snd_pcm_t *slave;
    char *plugged;
} strict_t;

static int is_gone(const strict_t *card) { return access(card->plugged, F_OK) != 0; }

/* Recovers the slave once from an xrun; returns what the call gives, or an error. */
static snd_pcm_sframes_t slave_avail(strict_t *card)
{
    snd_pcm_sframes_t avail = snd_pcm_avail_update(card->slave);
    return is_gone(card) ? -ENODEV : avail;
}

static int strict_start(snd_pcm_ioplug_t *io)
{
    strict_t *card = io->private_data;
    if (is_gone(card))
        return -ENODEV;
    return snd_pcm_state(card->slave) == SND_PCM_STATE_RUNNING ? 0 : snd_pcm_start(card->slave);
}

static int strict_stop(snd_pcm_ioplug_t *io) { return snd_pcm_drop(((strict_t *)io->private_data)->slave); }

static snd_pcm_sframes_t strict_pointer(snd_pcm_ioplug_t *io)
{
    strict_t *card = io->private_data;
    snd_pcm_sframes_t avail = slave_avail(card);
    if (avail < 0)
        return avail;
    if (io->stream == SND_PCM_STREAM_CAPTURE)
        return (io->appl_ptr + avail) % io->buffer_size;
    snd_pcm_sframes_t queued = (snd_pcm_sframes_t)io->buffer_size - avail;
    return (io->appl_ptr + io->buffer_size - (queued < 0 ? 0 : queued)) % io->buffer_size;
}

static snd_pcm_sframes_t strict_transfer(snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *areas,
                                         snd_pcm_uframes_t offset, snd_pcm_uframes_t size)
{
    strict_t *card = io->private_data;
    char *data = (char *)areas->addr + (areas->first + areas->step * offset) / 8;
    if (is_gone(card))
        return -ENODEV;
    if (io->stream == SND_PCM_STREAM_CAPTURE)
        return snd_pcm_readi(card->slave, data, size);
    return snd_pcm_writei(card->slave, data, size);
}

static int strict_hw_params(snd_pcm_ioplug_t *io, snd_pcm_hw_params_t *unused)
{
    strict_t *card = io->private_data;
    snd_pcm_uframes_t buffer = io->buffer_size, period = io->period_size;
    snd_pcm_hw_params_t *params;
    int err;
    (void)unused;
    snd_pcm_hw_params_alloca(&params);
    if ((err = snd_pcm_hw_params_any(card->slave, params)) < 0 ||
        (err = snd_pcm_hw_params_set_access(card->slave, params, SND_PCM_ACCESS_RW_INTERLEAVED)) < 0 ||
        (err = snd_pcm_hw_params_set_format(card->slave, params, io->format)) < 0 ||
        (err = snd_pcm_hw_params_set_channels(card->slave, params, io->channels)) < 0 ||
        (err = snd_pcm_hw_params_set_rate(card->slave, params, io->rate, 0)) < 0 ||
        (err = snd_pcm_hw_params_set_period_size_near(card->slave, params, &period, NULL)) < 0 ||
        (err = snd_pcm_hw_params_set_buffer_size_near(card->slave, params, &buffer)) < 0)
        return err;
    return snd_pcm_hw_params(card->slave, params);
}

static int strict_prepare(snd_pcm_ioplug_t *io)
{
    strict_t *card = io->private_data;
    return is_gone(card) ? -ENODEV : snd_pcm_prepare(card->slave);
}

static int strict_close(snd_pcm_ioplug_t *io)
{
    strict_t *card = io->private_data;
    snd_pcm_close(card->slave);
    free(card->plugged);
    free(card);
    return 0;
}

static int strict_poll_count(snd_pcm_ioplug_t *io)
{
    return snd_pcm_poll_descriptors_count(((strict_t *)io->private_data)->slave);
}

static int strict_poll(snd_pcm_ioplug_t *io, struct pollfd *fds, unsigned int count)
{
    return snd_pcm_poll_descriptors(((strict_t *)io->private_data)->slave, fds, count);
}

static int strict_revents(snd_pcm_ioplug_t *io, struct pollfd *fds, unsigned int count, unsigned short *events)
{
    strict_t *card = io->private_data;
    if (!is_gone(card))
        return snd_pcm_poll_descriptors_revents(card->slave, fds, count, events);
    *events = POLLERR;
    return 0;
}

static const snd_pcm_ioplug_callback_t callbacks = {
    .start = strict_start,
    .stop = strict_stop,
    .pointer = strict_pointer,
    .transfer = strict_transfer,
    .close = strict_close,
    .hw_params = strict_hw_params,
    .prepare = strict_prepare,
    .poll_descriptors_count = strict_poll_count,
    .poll_descriptors = strict_poll,
    .poll_revents = strict_revents,
};

/* Only this form is offered. */
static int narrow(snd_pcm_ioplug_t *io, snd_pcm_format_t format, unsigned int rate, unsigned int channels)
{
    const unsigned int access_types[] = {SND_PCM_ACCESS_RW_INTERLEAVED};
    const unsigned int formats[] = {format};
    int err;
    if ((err = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_ACCESS, 1, access_types)) < 0 ||
        (err = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_FORMAT, 1, formats)) < 0 ||
        (err = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_CHANNELS, channels, channels)) < 0)
        return err;
    return snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_RATE, rate, rate);
}

SND_PCM_PLUGIN_DEFINE_FUNC(strict)
{
    snd_config_iterator_t i, next;
    const char *slave = NULL, *plugged = NULL, *format = "S16_LE";
    long rate = 0, channels = 0;
    int err;
    (void)root;
    snd_config_for_each(i, next, conf)
    {
        snd_config_t *entry = snd_config_iterator_entry(i);
        const char *id;
        if (snd_config_get_id(entry, &id) < 0)
            continue;
        if (strcmp(id, "slave") == 0)
            snd_config_get_string(entry, &slave);
        else if (strcmp(id, "plugged") == 0)
            snd_config_get_string(entry, &plugged);
        else if (strcmp(id, "format") == 0)
            snd_config_get_string(entry, &format);
        else if (strcmp(id, "rate") == 0)
            snd_config_get_integer(entry, &rate);
        else if (strcmp(id, "channels") == 0)
            snd_config_get_integer(entry, &channels);
    }
    if (!slave || !plugged || rate <= 0 || channels <= 0)
        return -EINVAL;
    if (access(plugged, F_OK) != 0)
        return -ENODEV;
    strict_t *card = calloc(1, sizeof(*card));
    if (!card)
        return -ENOMEM;
    card->plugged = strdup(plugged);
    if ((err = snd_pcm_open(&card->slave, slave, stream, mode)) < 0)
        goto fail;
    card->io.version = SND_PCM_IOPLUG_VERSION;
    card->io.name = "strict card";
    card->io.callback = &callbacks;
    card->io.private_data = card;
    if ((err = snd_pcm_ioplug_create(&card->io, name, stream, mode)) < 0)
        goto fail_open;
    if ((err = narrow(&card->io, snd_pcm_format_value(format), rate, channels)) < 0) {
        snd_pcm_ioplug_delete(&card->io); /* frees the rest through close */
        return err;
    }
    *pcmp = card->io.pcm;
    return 0;
fail_open:
    snd_pcm_close(card->slave);
fail:
    free(card->plugged);
    free(card);
    return err;
}

SND_PCM_PLUGIN_SYMBOL(strict);
